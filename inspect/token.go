package inspect

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// uuidLen is how many bytes a UUID has as text.
const uuidLen = 36

// parseToken reads who made a token and when: a token of Holdfast's is a UUID of version 7,
// or UUID@OWNER. Of others nothing is known.
func parseToken(token string) (owner string, since time.Time) {
	id, rest := token[:min(uuidLen, len(token))], token[min(uuidLen, len(token)):]
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != uuidLen || parsed.Version() != 7 || rest != "" && (rest[0] != '@' || rest == "@") {
		return "", time.Time{}
	}
	return strings.TrimPrefix(rest, "@"), time.Unix(parsed.Time().UnixTime())
}

// parseTicket reads the id of a waiter: CHANNEL|REST, or CHANNEL|REST:COUNT:LIMIT of a
// semaphore.
func parseTicket(id string, counted bool) Waiter {
	w := Waiter{ID: id, Count: 1}
	var rest string
	w.Process, rest, _ = strings.Cut(id, "|")
	if counted {
		rest, w.Limit = cutNumber(rest)
		rest, w.Count = cutNumber(rest)
	}
	_, w.Owner, _ = strings.Cut(rest, "@")
	return w
}

// cutNumber takes the number after the last colon off, or is 0 where there is none.
func cutNumber(text string) (rest string, number int) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text, 0
	}
	number, err := strconv.Atoi(text[at+1:])
	if err != nil || number < 0 {
		return text, 0
	}
	return text[:at], number
}
