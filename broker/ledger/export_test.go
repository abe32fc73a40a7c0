package ledger

// DecodeStrictly is Decode without its quick way.
func DecodeStrictly(b []byte) (Record, error) { return decode(b, decodeStrictly) }
