package inspect

var (
	ParseToken  = parseToken
	ParseTicket = parseTicket
)
