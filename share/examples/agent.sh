#!/bin/sh
# An agent in a few lines of shell: buy the asset that stands furthest below its average.
#
# For every turn one line of JSON arrives on standard input (what the agent may know), and one
# line of JSON goes to standard output (what it wants to do). It ends when its input ends.
# Numbers that matter are strings, so that no digit is lost on the way.
#
#     tr-context mine | ./agent.sh

# jq computes in floating point: good enough to choose by, and the race keeps its books exactly
# shellcheck disable=SC2016 # the names with a dollar are jq's
rule='
	(.portfolio.cash | tonumber) as $cash
	| [.market.assets[]
		| select(.quality == "fresh" and .indicators.sma_20 != null)
		| {asset, below: (1 - (.price | tonumber) / (.indicators.sma_20 | tonumber))}]
	| max_by(.below) as $dip
	| if $cash >= 1000 and $dip != null and $dip.below > 0.01 then
		{orders: [{asset: $dip.asset, side: "buy", notional: "500"}],
		 reasoning: "\($dip.asset) is more than 1 % below its average of 20"}
	  else
		{orders: [], reasoning: "nothing is cheap, or too little cash is left"}
	  end'
hold='{"orders":[],"reasoning":"hold: cannot read the context"}'

while IFS= read -r line; do
	answer=$(printf '%s\n' "$line" | jq -c "$rule" 2>/dev/null) || answer=
	printf '%s\n' "${answer:-$hold}"
done
