package scripts

// All lists every script.
func All() []*Script { return all }

// The scripts that know the readers' key only.
var (
	ReadExtendAlone  = readExtendAlone
	ReadReleaseAlone = readReleaseAlone
	ReadCheckAlone   = readCheckAlone
)
