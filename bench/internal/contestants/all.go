package contestants

// Floors are the bare commands on each client library that has contestants.
func Floors() []Contestant {
	return []Contestant{
		{Library: Floor, Client: GoRedis, open: openGoRedisFloor},
		{Library: Floor, Client: Redigo, open: openRedigoFloor},
		{Library: Floor, Client: Rueidis, open: openRueidisFloor},
		{Library: Floor, Client: ValkeyGo, open: openValkeyFloor},
	}
}

// Quorums are the contestants that can use several nodes.
func Quorums() []Quorum {
	return []Quorum{
		quorum(Holdfast, GoRedis, holdfastOn(goRedisHoldfast)),
		quorum(Holdfast, Redigo, holdfastOn(redigoHoldfast)),
		quorum(Holdfast, Rueidis, holdfastOn(rueidisHoldfast)),
		quorum(Holdfast, ValkeyGo, holdfastOn(valkeyHoldfast)),
		quorum(Redsync, GoRedis, redsyncOnGoRedis(asItComes)),
		quorum(Redsync, Redigo, redsyncOnRedigo(asItComes)),
		quorum(FailFast, GoRedis, redsyncOnGoRedis(failingFast)),
		quorum(FailFast, Redigo, redsyncOnRedigo(failingFast)),
	}
}

// Singles are the contestants that use one server whatever they are given.
func Singles() []Contestant {
	return []Contestant{
		{Library: Redislock, Client: GoRedis, open: openRedislock},
		{Library: Rueidislock, Client: Rueidis, Note: "1 key", open: openRueidislock(1)},
		{Library: Rueidislock, Client: Rueidis, Note: "2 of 3 keys", open: openRueidislock(2)},
	}
}
