package sshsig

import (
	"bytes"
	"encoding/base64"
	"strings"
)

const (
	header = "-----BEGIN SSH SIGNATURE-----"
	footer = "-----END SSH SIGNATURE-----"

	lineBytes = 70 // as ssh-keygen breaks its lines

	// MaxArmored is the size of the longest armored signature that Parse reads, in
	// bytes. Signatures of browser passkeys, the longest, have about 1,000.
	MaxArmored = 64 << 10
)

// armor wraps the binary form of a signature as ssh-keygen does.
func armor(blob []byte) []byte {
	text := base64.StdEncoding.EncodeToString(blob)
	var b strings.Builder
	b.WriteString(header + "\n")
	for len(text) > lineBytes {
		b.WriteString(text[:lineBytes] + "\n")
		text = text[lineBytes:]
	}
	b.WriteString(text + "\n" + footer + "\n")
	return []byte(b.String())
}

// Normalize returns the one text that Parse, ssh-keygen and auditors accept for a
// signature that went through a form or an e-mail: with CRLF, or with blank space
// around it. Record what it returns. It verifies nothing; its error is Parse's.
func Normalize(text []byte) ([]byte, error) {
	if len(text) > MaxArmored {
		return nil, malformed("longer than %d bytes", MaxArmored)
	}
	text = append(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), '\n')
	blob, err := dearmor(text)
	if err != nil {
		return nil, err
	}
	armored := armor(blob)
	if _, err := Parse(armored); err != nil {
		return nil, err
	}
	return armored, nil
}

// dearmor returns the binary form of an armored signature. Lines end in LF, since
// ssh-keygen refuses CRLF; nothing but line ends may follow the footer, because a
// second signature or a text there would be carried along and checked by nobody.
func dearmor(armored []byte) ([]byte, error) {
	if len(armored) > MaxArmored {
		return nil, malformed("longer than %d bytes", MaxArmored)
	}
	text := string(armored)
	if strings.ContainsRune(text, '\r') {
		return nil, malformed("the lines end as on Windows (CRLF); save the file with Unix line ends")
	}
	body, ok := strings.CutPrefix(text, header+"\n")
	if !ok {
		return nil, malformed("the first line is not %q; give the whole .sig file and nothing before it", header)
	}
	body, rest, ok := strings.Cut(body, "\n"+footer)
	if !ok {
		return nil, malformed("the line %q is missing; the file was cut short", footer)
	}
	if strings.Trim(rest, "\n") != "" {
		return nil, malformed("there is text after the line %q; remove it (one signature in each file)", footer)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil {
		return nil, malformed("the text between header and footer is not strict base64; copy the file again")
	}
	return blob, nil
}
