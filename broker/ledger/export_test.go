package ledger

// SyncsAlways reports whether the broker's store syncs every write, as it says itself.
func SyncsAlways(s *Server) bool { return s.ns.JetStreamConfig().SyncAlways }

// DecodeStrictly is Decode without its quick way.
func DecodeStrictly(b []byte) (Record, error) { return decode(b, decodeStrictly) }
