package model

// correct are searches of the protocol as it is, under all assumptions, that must
// find nothing.
var correct = []search{
	{"mutex", "TRIES=2 EXTENDS=0 CRASHES=0", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1 MEMORY=1", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=2 CRASHES=0", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1 PUNCTUAL FORGETFUL NO_RESTART_DELAY", modest},
	{"mutex", "CLIENTS=1 TRIES=1 EXTENDS=2 CRASHES=2 PUNCTUAL FORGETFUL NO_RESTART_DELAY", modest},
	{"mutex", "FENCES TRIES=1 EXTENDS=0 CRASHES=0", exhaustive},
	{"mutex", "FENCES TRIES=1 EXTENDS=0 CRASHES=1 HORIZON=3", exhaustive},
	{"mutex", "PASSES=1 JUST_OFFERS TRIES=1 EXTENDS=1 CRASHES=1", modest},
	{"mutex", "PASSES=2 JUST_OFFERS TRIES=1 EXTENDS=2 CRASHES=0 LEASE=1 DRIFT=0", modest},
	{"mutex", "PASSES=2 CLIENTS=1 TRIES=1 EXTENDS=2 CRASHES=2 LEASE=3 PUNCTUAL FORGETFUL NO_RESTART_DELAY", modest},
	{"mutex", "PASSES=1 TENURE=2 JUST_OFFERS HANDED_OUT=2 TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 PUNCTUAL", modest},
	{"mutex", "PASSES=1 JUST_OFFERS FENCES BLOCK=2 TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 HORIZON=1", modest},
	{"mutex", "PASSES=2 FENCES BLOCK=3 NODES=1 TRIES=2 EXTENDS=0 CRASHES=1", modest},
	{"semaphore", "TIMELESS", modest},
	{"semaphore", "LOWEST", bounded},
	{"rw", "TIMELESS", modest},
	{"rw", "CLIENTS=2", modest},
	{"rw", "CLIENTS=3", bounded},
	{"grant", oneWaiter + "LEASE=3 OLD=1", modest},
	{"grant", oneWaiter + "LATES=1", modest},
	{"grant", oneWaiter + "BREAKS=1", modest},
	{"grant", oneWaiter + "FENCES", modest},
	{"grant", oneWaiter + "CRASHES=1", modest},
	{"grant", oneWaiter + "CRASHES=1 FORGETS", modest},
	{"grant", oneWaiter + "NODES=2", modest},
	{"grant", "CLIENTS=3 CALLS=1 TIMELESS RESTS", modest},
	{"grant", "CLIENTS=2 CALLS=1 TIMELESS RESTS BREAKS=1", modest},
	{"grant", "CLIENTS=2 CALLS=1 TIMELESS RESTS BREAKS=1 DEAF", modest},
	{"grant", "CLIENTS=2 CALLS=1 TIMELESS RESTS LATES=1", modest},
	{"grant", punctual + "GRANT=2 KILLED WASTE=1", modest},
	{"grant", punctual + "GRANT=2 WASTE=3", modest},
}

// oneWaiter is a holder, a waiter, and a newcomer that sends a SET NX.
const oneWaiter = "HELD CLIENTS=3 CALLS=1 WAITERS=1 "

// punctual is a holder and two waiters, of which one dies.
const punctual = "HELD CLIENTS=3 CALLS=1 WAITERS=2 PUNCTUAL LOOKS=4 LEASE=4 DEATHS=1 "

// larger are for a quiet hour.
var larger = []search{
	{"mutex", "TRIES=2 EXTENDS=0 CRASHES=1", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1 LEASE=3", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=2 CRASHES=1", exhaustive},
	{"mutex", "NODES=5 TRIES=1 EXTENDS=0 CRASHES=1", exhaustive},
	{"mutex", "FENCES TRIES=1 EXTENDS=0 CRASHES=1", exhaustive},
	{"mutex", "PASSES=1 TRIES=1 EXTENDS=1 CRASHES=1", exhaustive},
	{"mutex", "PASSES=1 TRIES=1 EXTENDS=2 CRASHES=0 LEASE=1 DRIFT=0", exhaustive},
	{"mutex", "PASSES=2 JUST_OFFERS TRIES=1 EXTENDS=2 CRASHES=0", exhaustive},
	{"mutex", "PASSES=1 JUST_OFFERS TRIES=1 EXTENDS=1 CRASHES=0 TENURE=2 LEASE=3", exhaustive},
	{"mutex", "PASSES=1 JUST_OFFERS HANDED_OUT=2 TRIES=1 EXTENDS=1 CRASHES=0", exhaustive},
	{"mutex", "PASSES=1 FENCES BLOCK=2 TRIES=1 EXTENDS=0 CRASHES=1 DRIFT=0 HORIZON=3", exhaustive},
	{"mutex", "PASSES=1 JUST_OFFERS FENCES BLOCK=2 TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 HORIZON=2", exhaustive},
	{"mutex", "PASSES=2 JUST_OFFERS FENCES BLOCK=3 NODES=1 TRIES=2 EXTENDS=2 CRASHES=1", exhaustive},
	{"grant", oneWaiter + "LEASE=3 OLD=1 LATES=1", exhaustive},
	{"grant", oneWaiter + "COPIES=1", exhaustive},
	{"grant", "CLIENTS=3 CALLS=1 WAITERS=2", exhaustive},
	{"grant", "CLIENTS=2 CALLS=1 LEASE=3 OLD=1 LATES=1", exhaustive},
	{"grant", "CLIENTS=2 CALLS=2 TIMELESS RESTS", exhaustive},
	{"mutex", "TRIES=2 EXTENDS=1 CRASHES=1", bitstate},
	{"semaphore", "LOWEST", bitstate},
	{"rw", "CLIENTS=3", bitstate},
}

// What a search may find, and how to know it from the failed assertion.
var (
	twoHolders  = claim{"at most one valid holder", ".valid>0)"}
	tooMany     = claim{"at most K valid holders", "<=2)"}
	writerAlone = claim{"never a writer beside anybody", ".writes)"}
	residue     = claim{"no dead token survives settlement", "stake[t]==0"}
	overtaken   = claim{"no extension succeeds after another's grant", ".overtaken)"}
	revived     = claim{"no extension revives a lost hold", ".revived)"}
	unfenced    = claim{"fencing tokens grow", "fence>last"}
	stale       = claim{"no section begins on a lease that was lost longer than a tenure and a round trip ago", ".missing<="}
	lying       = claim{"at rest the lock is with a client that knows, or free with no client waiting", ".owed)"}
	wasted      = claim{"a live waiter waits no longer than a dead one's bound", "wasted<="}
	withdrawn   = claim{"no withdrawn place is granted", ".withdrawn)"}
	expired     = claim{"no place that has ended is granted", ".life["}
)

type claim struct{ words, assertion string }

// broken is a search that must break a claim: an assumption that was taken away,
// or a fault that was built in.
type broken struct {
	title  string
	why    string // what the trace shows
	breaks claim
	search
}

// small is enough for most of them.
const small = "TRIES=1 EXTENDS=0 CRASHES=0 "

// assumptions are those of the safety argument, each taken away alone.
var assumptions = []broken{
	{"No bound on the nodes' clock rates",
		"The allowance is one tick of three, and a node's clock gains two. The node lets the lease end while its holder still counts on it.",
		twoHolders, search{"mutex", small + "LEASE=3 NO_RATE_BOUND", near}},
	{"A clock jumps forward",
		"One node's clock jumps past the lease. With what it lets go, and the node that never was the holder's, another client has a majority.",
		twoHolders, search{"mutex", small + "JUMPS=1", near}},
	{"A node forgets, and is back before the longest lease has ended",
		"A node crashes without having written to disk, and restarts empty at once. A failover that loses a write, an eviction or a flush is the same.",
		twoHolders, search{"mutex", "TRIES=1 EXTENDS=0 CRASHES=1 NO_RESTART_DELAY", near}},
	{"Clients do not agree on the list of nodes",
		"One client was given one node instead of three. Its majority and that of the other client need not share a node.",
		twoHolders, search{"mutex", small + "OTHER_LIST", near}},
	{"A client's clock misses time",
		"The holder's machine is suspended, and the clock that it asks stands still. The engine asks the wall clock too for that reason.",
		twoHolders, search{"mutex", small + "SUSPENDS=1", near}},
	{"Node clocks disagree by more than a restart is delayed",
		"A node whose clock is far ahead gave out a number. The other node that knew it comes back empty, and starts from its own clock, which is behind.",
		unfenced, search{"mutex", "FENCES TRIES=1 EXTENDS=0 CRASHES=1 HORIZON=2 EXACT NO_CLOCK_AGREEMENT", shortest}},
}

// mutants are faults in the protocol, each built in alone.
var mutants = []broken{
	{"Validity without an allowance for drift",
		"The holder counts on the whole expiry, and a fast node ends it a little earlier.",
		twoHolders, search{"mutex", small + "NO_DRIFT_ALLOWANCE", near}},
	{"Validity from the deciding answer",
		"The nodes count from when they granted, which is before the answers were in.",
		twoHolders, search{"mutex", small + "LATE_START", near}},
	{"A release that does not wait for its acquire",
		"The release overtakes the acquire and finds nothing. The acquire then leaves a token behind that its client takes for settled.",
		residue, search{"mutex", small + "EARLY_RELEASE", near}},
	{"One token for all tries of a call",
		"The release of a try that was given up arrives after the next try was won, and deletes its counted vote.",
		twoHolders, search{"mutex", "TRIES=2 EXTENDS=0 CRASHES=0 ONE_TOKEN", shortest}},
	{"A release that does not look at the token",
		"A late release deletes what by now belongs to somebody else.",
		twoHolders, search{"mutex", "TRIES=2 EXTENDS=0 CRASHES=0 BLIND_RELEASE", shortest}},
	{"An extension that sets what is missing",
		"The hold has expired, and another client has had the lock. Setting the token anew revives it. This is also what WithSetNXOnExtend gives up.",
		overtaken, search{"mutex", "TRIES=1 EXTENDS=1 CRASHES=0 SET_ON_EXTEND", shortest}},
	{"An extension that counts repaired nodes",
		"A node has forgotten the token, so that only one of three still has it, and any other client could get the lock. With the vote of the node that was repaired, the extension is won even so. Memory is lost here, which no lock survives; the point is that a lost hold must stay lost.",
		revived, search{"mutex", "CLIENTS=1 TRIES=1 EXTENDS=2 CRASHES=1 PUNCTUAL FORGETFUL NO_RESTART_DELAY COUNT_REPAIRED", near}},
	{"Fences counted by each node alone",
		"The second hold's nodes have not granted as often as the first one's.",
		unfenced, search{"mutex", "FENCES " + small + "EXACT PER_NODE_FENCES", near}},
	{"Fences written back without a look at the token",
		"A node confirms the first hold's number though it has let another client in. That vote is older than the number, and is counted later.",
		unfenced, search{"mutex", "FENCES " + small + "EXACT BLIND_WRITE", shortest}},
	{"Permits counted by each node alone",
		"Two permits at each of three nodes make three majorities.",
		tooMany, search{"semaphore", "TIMELESS LOWEST PER_NODE_COUNTING", shortest}},
	{"A writer that is granted beside readers",
		"The reader and the writer share a node that lets both in.",
		writerAlone, search{"rw", "TIMELESS IGNORE_READERS", near}},
	{"A downgrade in two steps",
		"Between the writer's end and the reader's begin another writer comes in, while the first client already reads.",
		writerAlone, search{"rw", "TIMELESS SPLIT_DOWNGRADE", shortest}},
}

// passing are faults in how a lease passes between the goroutines of a client. A lease
// lasts one tick, without drift, where neither matters.
var passing = []broken{
	{"A lease that is passed on after its validity",
		"The tenure is two ticks and counts from the answers, the validity is one and counts from the requests. A node ends the lease, and another client has the lock when the next goroutine begins its section.",
		twoHolders, search{"mutex", "PASSES=1 TENURE=2 " + small + "PASS_EXPIRED", near}},
	{"A lease that is passed on after its tenure without asking",
		"A node has forgotten the token, and the lease has been lost for a tick. It is still valid by the client's clock.",
		stale, search{"mutex", "PASSES=1 CLIENTS=1 TRIES=1 EXTENDS=0 CRASHES=1 LEASE=3 FORGETFUL NO_RESTART_DELAY PASS_STALE", near}},
	{"A lease that is passed on after the nodes denied it",
		"The nodes were asked to renew the lease and do not have the token. The client counts on its clock.",
		stale, search{"mutex", "PASSES=1 JUST_OFFERS CLIENTS=1 TRIES=1 EXTENDS=1 CRASHES=1 LEASE=3 PUNCTUAL FORGETFUL NO_RESTART_DELAY PASS_DENIED", near}},
	{"A token that was handed out, and is released by another process",
		"A goroutine gives its token to another process, which unlocks for it. The goroutine then unlocks too, and its client passes on what the nodes are about to release.",
		twoHolders, search{"mutex", "PASSES=1 HANDED_OUT=1 " + small + "PASS_HANDED_OUT", near}},
	{"A token that was handed out, and is extended by another process",
		"The other process asks for the token, which is there, and takes the lock for its own. So does the next goroutine.",
		twoHolders, search{"mutex", "PASSES=1 HANDED_OUT=2 " + small + "PASS_HANDED_OUT", near}},
	{"A node that yielded counts as a vote",
		"Node 2 had the token, and released it to another client in line. One node renewed the lease, which is no majority.",
		twoHolders, search{"mutex", "PASSES=1 JUST_OFFERS TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 COUNT_YIELDED", near}},
	{"An offer beside an earlier one without an answer",
		"Node 3 has not answered the first offer, and votes in the second round. Then the first offer arrives, finds another client in line, and releases the token that was counted.",
		twoHolders, search{"mutex", "PASSES=2 JUST_OFFERS TRIES=1 EXTENDS=2 CRASHES=0 LEASE=1 DRIFT=0 PUNCTUAL OVERLAPPING_OFFERS", shortest}},
	{"An offer that a node runs twice",
		"There is one node. The first run renews the lease. The second one finds another client in line, and releases the token from under the next goroutine.",
		twoHolders, search{"mutex", "PASSES=1 JUST_OFFERS NODES=1 TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 RUN_TWICE", near}},
	{"An offer to a node whose acquire is under way",
		"A node yields before the lease's time, and another client has had the lock. The acquire at node 3 arrives only then, and the offer finds the token there: a lost lease is revived.",
		overtaken, search{"mutex", "PASSES=1 JUST_OFFERS TRIES=1 EXTENDS=1 CRASHES=0 LEASE=1 DRIFT=0 OFFER_TO_STRAGGLERS", shortest}},
	{"A number of the block that is used twice",
		"There is one node. The second holder of a lease gets the number of the first.",
		unfenced, search{"mutex", "PASSES=1 FENCES BLOCK=2 NODES=1 " + small + "REUSE_NUMBER", near}},
	{"Agreement on the beginning of a block",
		"The nodes agree on the first of two numbers, and a majority knows no more than that. The second holder's number is given again.",
		unfenced, search{"mutex", "PASSES=1 FENCES BLOCK=2 " + small + "LEASE=1 DRIFT=0 HORIZON=2 AGREE_ON_BEGINNING", shortest}},
	{"The rest of a block after the lease",
		"There is one node. Another client has had the lock between two leases of the first client, which goes on with the numbers of its first lease.",
		unfenced, search{"mutex", "PASSES=1 FENCES BLOCK=2 NODES=1 TRIES=2 EXTENDS=0 CRASHES=0 REST_AFTER_LOSS", near}},
	{"Blocks of more numbers than the clock counts",
		"There is one node, and its clock counts one number a tick. It forgets its counter, and starts again from a clock that is behind the numbers that were used.",
		unfenced, search{"mutex", "PASSES=2 FENCES BLOCK=3 NODES=1 TRIES=1 EXTENDS=0 CRASHES=1 TICK=1", near}},
}

// grants are faults in how a release on one node grants the lock to a waiter, and
// assumptions of that, each taken away alone.
var grants = []broken{
	{"A message without the number of the look",
		"The waiter counts from its last look, which it sent after the grant.",
		twoHolders, search{"grant", oneWaiter + "LEASE=3 OLD=1 NO_NUMBER", near}},
	{"Validity from the message",
		"The message is late, and the node has counted since the grant.",
		twoHolders, search{"grant", oneWaiter + "LEASE=3 OLD=1 LATE_START", near}},
	{"A short grant that is not extended",
		"A grant lasts two ticks and a lease three. The waiter counts on a lease.",
		twoHolders, search{"grant", oneWaiter + "LEASE=3 OLD=1 GRANT=2 NO_EXTENSION", near}},
	{"A token that the next call uses again",
		"The message that granted the first call comes a second time, and the second call believes it.",
		twoHolders, search{"grant", "HELD CLIENTS=2 CALLS=2 WAITERS=1 LEASE=3 OLD=1 COPIES=1 REUSE_TOKEN", near}},
	{"A call that releases its token, and waits on by it",
		"The waiter gives an old grant back. That release arrives after its next look was granted.",
		twoHolders, search{"grant", oneWaiter + "LEASE=3 OLD=1 KEEP_TOKEN", near}},
	{"A late answer that makes a hold valid again",
		"The hold has expired, and another client has had the lock. A look of the same call finds it free and takes it.",
		overtaken, search{"grant", oneWaiter + "LEASE=3 OLD=1 LATE_REVIVES", near}},
	{"The fence of a message, after an extension",
		"The grant has expired, and another client has had the lock. A late look takes it for the token, and the extension proves that, but not the message's number.",
		unfenced, search{"grant", oneWaiter + "LEASE=3 OLD=1 FENCES OLD_FENCE", near}},
	{"A release that overtakes a look",
		"The look arrives after the release of its token, and takes the lock for a call that has ended.",
		lying, search{"grant", oneWaiter + "TIMELESS RESTS EARLY_RELEASE", near}},
	{"A grant that is not wanted, and kept",
		"A look without an answer arrives after its token's release, and gets a place. The place is granted.",
		lying, search{"grant", oneWaiter + "TIMELESS RESTS LATES=1 KEEP_UNWANTED", near}},
	{"A withdrawal that does not release",
		"The release that grants comes before the withdrawal. The message is lost with the subscription.",
		lying, search{"grant", oneWaiter + "TIMELESS RESTS BREAKS=1 WITHDRAW_ONLY", near}},
	{"A withdrawn place that stays in line",
		"The place of a cancelled call is granted.",
		withdrawn, search{"grant", oneWaiter + "TIMELESS RESTS KEEP_PLACE", near}},
	{"A withdrawal that serves no waiter",
		"The first in line is notified that the lock is free, and is cancelled. The second one is not notified.",
		lying, search{"grant", "HELD CLIENTS=3 CALLS=1 WAITERS=2 TIMELESS RESTS DEAF WITHDRAW_QUIETLY", near}},
	{"No notification where NUMSUB counts no listener",
		"The waiter listens at another node of a Cluster.",
		lying, search{"grant", oneWaiter + "TIMELESS RESTS DEAF NO_TELLING", near}},
	{"No look after a subscription",
		"The lock is released between the waiter's look and its subscription.",
		lying, search{"grant", "CLIENTS=2 CALLS=1 WAITERS=1 TIMELESS RESTS LOOK_FIRST", near}},
	{"A place that does not listen is granted",
		"The first in line was killed before the release, and the node has seen its connection end.",
		wasted, search{"grant", punctual + "GRANT=2 KILLED WASTE=1 GRANT_DEAF", near}},
	{"A place that has ended is granted",
		"The first in line is dead to all but the node, for longer than its place lasts.",
		expired, search{"grant", punctual + "GRANT=2 WASTE=3 GRANT_DEAD", near}},
	{"A grant that lasts for a whole lease",
		"The first in line is dead to all but the node. The second one waits for four ticks in place of two.",
		wasted, search{"grant", punctual + "WASTE=3", near}},
	{"A node that forgets a grant, and is back at once",
		"An assumption: the node restarts empty while the holder is valid.",
		twoHolders, search{"grant", oneWaiter + "CRASHES=1 FORGETS NO_RESTART_DELAY", near}},
	{"A failover that loses a grant",
		"An assumption: the replica lacks the grant of a valid holder.",
		twoHolders, search{"grant", oneWaiter + "NODES=2 LOSE_GRANTS", near}},
	{"Two masters",
		"An assumption: for a while the old master and the new one both grant.",
		twoHolders, search{"grant", oneWaiter + "NODES=2 TWO_MASTERS", near}},
}

// limits are what the engine as it is does not promise, or not yet.
var limits = []broken{
	{"The first extension of an adopted hold",
		"Who adopts a hold by WithValue has no clock for it, so the votes alone decide. An acquire that arrives later than the whole hold lasted counts as a vote, though the hold was lost and another client has had the lock.",
		overtaken, search{"mutex", "TRIES=1 EXTENDS=1 CRASHES=0 ADOPTED", shortest}},
	{"A late grant as a vote, after memory was lost",
		"A node forgets the token of a hold that was won without the third node. The acquire at the third node arrives then, and its vote in the extension revives what was lost. Were nodes that granted after the try was won on probation like repaired ones (MUTE_STRAGGLERS), it would not.",
		revived, search{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1 FORGETFUL NO_RESTART_DELAY", near}},
}

// remedies are the correct protocol with what would mend these limits.
var remedies = []search{
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=0 ADOPTED MUTE_STRAGGLERS", exhaustive},
	{"mutex", "TRIES=1 EXTENDS=1 CRASHES=1 FORGETFUL NO_RESTART_DELAY MUTE_STRAGGLERS", exhaustive},
}
