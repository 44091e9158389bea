# shellcheck shell=bash
# Completion of the trading-race tools. Made by completions/generate.sh; do not edit.

# The names in the database of the line, else in that of the environment. They are data: compgen -W
# would expand what it finds in them.
_trading_race_names() { # TOOL
	local name args=()

	[[ -z $database ]] || args=(-d "${database/#\~\//$HOME/}")
	while read -r name; do
		[[ $name != "$cur"* ]] || COMPREPLY+=("$name")
	done < <("$1" "${args[@]}" list --names </dev/null 2>/dev/null)
}

_trading_race_offer() { # KIND
	case $1 in
	agent) _trading_race_names tr-agent ;;
	asset) _trading_race_names tr-asset ;;
	setting) _trading_race_names tr-config ;;
	file | dir)
		compopt -o filenames 2>/dev/null || : # not at a prompt
		mapfile -t COMPREPLY < <(compgen "-${1:0:1}" -- "$cur")
		;;
	=*)
		local words=${1#=}
		mapfile -t COMPREPLY < <(compgen -W "${words//|/ }" -- "$cur")
		;;
	esac
}

# Walk over the words before the cursor: ${option} waits for its argument, ${operands} are
# complete, ${database} was named, ${rest}: behind "--".
_trading_race_walk() {
	local i word

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $rest ]]; then
			continue
		elif [[ $option ]]; then
			# bash cuts --name=value into three words
			[[ $word != = || ${COMP_WORDS[i - 1]} != "$option" ]] || continue
			[[ $option != -d && $option != --database ]] || database=$word
			option=
		elif [[ $word == -- ]]; then
			rest=1
		elif [[ $word == -d?* ]]; then
			database=${word#-d}
		elif [[ $word == -?* ]]; then
			_trading_race_argument "$tool" "$word"
			[[ -z $kind ]] || option=$word
		else
			operands+=("$word")
		fi
	done
}

_trading_race() {
	local tool=${1##*/} cur=${COMP_WORDS[COMP_CWORD]}
	local kind='' option='' rest='' database='' options='' commands='' command=- index
	local operands=()

	COMPREPLY=()
	_trading_race_spec "$tool"
	_trading_race_walk
	if [[ $rest ]]; then
		_trading_race_offer file
	elif [[ $option ]]; then
		[[ $cur != = ]] || cur=
		_trading_race_argument "$tool" "$option"
		_trading_race_offer "$kind"
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $commands && ${#operands[@]} -eq 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	else
		index=$((${#operands[@]} + 1))
		if [[ $commands ]]; then
			command=${operands[0]}
			index=$((index - 1))
		fi
		_trading_race_operand "$tool" "$command" "$index"
		_trading_race_offer "$kind"
	fi
}

_trading_race_spec() { # TOOL: its options and commands
	case $1 in
	tr-agent)
		options='-k --kind -s --strategy -S --set --network --read --unconfined -m --model -f --fallback --any-model -p --prompt --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day -u --url --provider --key-file --publish --names -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='add set list show pause resume retire strategies'
		;;
	tr-asset)
		options='-N --name -f --feed --accept-quote --names --from --to -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='add set list show gaps enable disable'
		;;
	tr-audit)
		options='--export --force --full --head --heads -j --json --verify -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-board)
		options='-s --stats --from --to --at --versions --replicas --seed -w --watch -j --json -c --csv -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-breaker)
		options='-j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='list isolate reset log'
		;;
	tr-check)
		options='-s --stale -f --full -a --alert -w --wal -D --disk -T --timeout -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-config)
		options='--names -j --json -e --effective -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='list get set unset explain export import log'
		;;
	tr-context)
		options='-w --window -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-cost)
		options='--today --since --until -a --agent -b --by -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-cycle)
		options='-w --window --from --to -W --wait --record --play --pay -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-db)
		options='-l --logical -f --force --new-heads -o --older-than -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='dump check checkpoint backup restore drill prune'
		;;
	tr-decide)
		options='-w --window -a --agent -n --dry-run --record --play --pay -L --left -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-doctor)
		options='-o --online -w --wal -D --disk -T --timeout -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-fetch)
		options='--record --play --parallel --ca -p --parent -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-guard)
		options='--timeout --deadline -r --retries -f --failures --break --retry-on --per-minute --parallel --output-max --no-breaker --no-retries -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-halt)
		options='-r --reason -N --name -R --release -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-ingest)
		options='-w --window -n --dry-run --record --play -i --import -s --source --accept-quote -l --lenient -r --revise -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-init)
		options='-Q --quote --demo --bare -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-jail)
		options='-p --parent -k --keep -C --directory -r --read -s --scratch --network --unconfined --memory-mb --cpu-s --files --file-mb --processes -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-once)
		options='-k --key --ttl -w --wait --lease --output-max -l --list -s --state --show --stats -j --json --purge --forget --guard -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-portfolio)
		options='--at -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-provider)
		options='-k --kind -b --base --key-file -f --file --api-version --no-schema --schema --parallel --per-minute --per-month -i --input -o --output -c --cached --names -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='list show add set key price remove test'
		;;
	tr-replay)
		options='-o --out --from --to --agents --answers --fill --fee-bps -s --set -j --jobs -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-report)
		options='-o --output --from --to --at --seed -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-routes)
		options='-r --worst -w --window -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='list explain rebuild'
		;;
	tr-snapshot)
		options='-w --window -p --phase -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-status)
		options='-w --window -f --failed -s --state --since --until -l --limit -p --page -j --json --text -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-trade)
		options='-w --window -a --agent -s --settle -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-try)
		options='-p --prompt -a --against -T --template -m --model -l --last --from --to -u --max-usd -y --yes --record --play -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-why)
		options='-c --context -p --prompt -j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='trade decision rejection window agent'
		;;
	esac
}

_trading_race_argument() { # TOOL OPTION: the kind of its argument, '' for none
	kind=
	case "$1 $2" in
	'tr-agent --kind' | 'tr-agent -k') kind='=rule|exec|llm|ml|manual' ;;
	'tr-agent --strategy' | 'tr-agent -s') kind='any' ;;
	'tr-agent --set' | 'tr-agent -S') kind='any' ;;
	'tr-agent --read') kind='dir' ;;
	'tr-agent --model' | 'tr-agent -m') kind='any' ;;
	'tr-agent --fallback' | 'tr-agent -f') kind='any' ;;
	'tr-agent --prompt' | 'tr-agent -p') kind='file' ;;
	'tr-agent --template') kind='file' ;;
	'tr-agent --temperature') kind='any' ;;
	'tr-agent --max-tokens') kind='any' ;;
	'tr-agent --timeout') kind='any' ;;
	'tr-agent --header') kind='any' ;;
	'tr-agent --body-json') kind='any' ;;
	'tr-agent --price') kind='any' ;;
	'tr-agent --budget-usd-day') kind='any' ;;
	'tr-agent --url' | 'tr-agent -u') kind='any' ;;
	'tr-agent --provider') kind='any' ;;
	'tr-agent --key-file') kind='file' ;;
	'tr-agent --publish') kind='=all|reasoning|none' ;;
	'tr-agent --database' | 'tr-agent -d') kind='file' ;;
	'tr-agent --now' | 'tr-agent -t') kind='any' ;;
	'tr-asset --name' | 'tr-asset -N') kind='any' ;;
	'tr-asset --feed' | 'tr-asset -f') kind='any' ;;
	'tr-asset --accept-quote') kind='any' ;;
	'tr-asset --from') kind='any' ;;
	'tr-asset --to') kind='any' ;;
	'tr-asset --database' | 'tr-asset -d') kind='file' ;;
	'tr-asset --now' | 'tr-asset -t') kind='any' ;;
	'tr-audit --export') kind='file' ;;
	'tr-audit --head') kind='any' ;;
	'tr-audit --heads') kind='file' ;;
	'tr-audit --verify') kind='file' ;;
	'tr-audit --database' | 'tr-audit -d') kind='file' ;;
	'tr-audit --now' | 'tr-audit -t') kind='any' ;;
	'tr-board --from') kind='any' ;;
	'tr-board --to') kind='any' ;;
	'tr-board --at') kind='any' ;;
	'tr-board --seed') kind='any' ;;
	'tr-board --database' | 'tr-board -d') kind='file' ;;
	'tr-board --now' | 'tr-board -t') kind='any' ;;
	'tr-breaker --database' | 'tr-breaker -d') kind='file' ;;
	'tr-breaker --now' | 'tr-breaker -t') kind='any' ;;
	'tr-check --stale' | 'tr-check -s') kind='any' ;;
	'tr-check --wal' | 'tr-check -w') kind='any' ;;
	'tr-check --disk' | 'tr-check -D') kind='any' ;;
	'tr-check --timeout' | 'tr-check -T') kind='any' ;;
	'tr-check --database' | 'tr-check -d') kind='file' ;;
	'tr-check --now' | 'tr-check -t') kind='any' ;;
	'tr-config --database' | 'tr-config -d') kind='file' ;;
	'tr-config --now' | 'tr-config -t') kind='any' ;;
	'tr-context --window' | 'tr-context -w') kind='any' ;;
	'tr-context --database' | 'tr-context -d') kind='file' ;;
	'tr-context --now' | 'tr-context -t') kind='any' ;;
	'tr-cost --since') kind='any' ;;
	'tr-cost --until') kind='any' ;;
	'tr-cost --agent' | 'tr-cost -a') kind='agent' ;;
	'tr-cost --by' | 'tr-cost -b') kind='any' ;;
	'tr-cost --database' | 'tr-cost -d') kind='file' ;;
	'tr-cost --now' | 'tr-cost -t') kind='any' ;;
	'tr-cycle --window' | 'tr-cycle -w') kind='any' ;;
	'tr-cycle --from') kind='any' ;;
	'tr-cycle --to') kind='any' ;;
	'tr-cycle --wait' | 'tr-cycle -W') kind='any' ;;
	'tr-cycle --record') kind='file' ;;
	'tr-cycle --play') kind='file' ;;
	'tr-cycle --database' | 'tr-cycle -d') kind='file' ;;
	'tr-cycle --now' | 'tr-cycle -t') kind='any' ;;
	'tr-db --older-than' | 'tr-db -o') kind='any' ;;
	'tr-db --database' | 'tr-db -d') kind='file' ;;
	'tr-db --now' | 'tr-db -t') kind='any' ;;
	'tr-decide --window' | 'tr-decide -w') kind='any' ;;
	'tr-decide --agent' | 'tr-decide -a') kind='agent' ;;
	'tr-decide --record') kind='file' ;;
	'tr-decide --play') kind='file' ;;
	'tr-decide --left' | 'tr-decide -L') kind='any' ;;
	'tr-decide --database' | 'tr-decide -d') kind='file' ;;
	'tr-decide --now' | 'tr-decide -t') kind='any' ;;
	'tr-doctor --wal' | 'tr-doctor -w') kind='any' ;;
	'tr-doctor --disk' | 'tr-doctor -D') kind='any' ;;
	'tr-doctor --timeout' | 'tr-doctor -T') kind='any' ;;
	'tr-doctor --database' | 'tr-doctor -d') kind='file' ;;
	'tr-doctor --now' | 'tr-doctor -t') kind='any' ;;
	'tr-fetch --record') kind='file' ;;
	'tr-fetch --play') kind='file' ;;
	'tr-fetch --parallel') kind='any' ;;
	'tr-fetch --ca') kind='file' ;;
	'tr-fetch --parent' | 'tr-fetch -p') kind='any' ;;
	'tr-guard --timeout') kind='any' ;;
	'tr-guard --deadline') kind='any' ;;
	'tr-guard --retries' | 'tr-guard -r') kind='any' ;;
	'tr-guard --failures' | 'tr-guard -f') kind='any' ;;
	'tr-guard --break') kind='any' ;;
	'tr-guard --retry-on') kind='any' ;;
	'tr-guard --per-minute') kind='any' ;;
	'tr-guard --parallel') kind='any' ;;
	'tr-guard --output-max') kind='any' ;;
	'tr-guard --database' | 'tr-guard -d') kind='file' ;;
	'tr-guard --now' | 'tr-guard -t') kind='any' ;;
	'tr-halt --reason' | 'tr-halt -r') kind='any' ;;
	'tr-halt --name' | 'tr-halt -N') kind='any' ;;
	'tr-halt --database' | 'tr-halt -d') kind='file' ;;
	'tr-halt --now' | 'tr-halt -t') kind='any' ;;
	'tr-ingest --window' | 'tr-ingest -w') kind='any' ;;
	'tr-ingest --record') kind='file' ;;
	'tr-ingest --play') kind='file' ;;
	'tr-ingest --source' | 'tr-ingest -s') kind='any' ;;
	'tr-ingest --accept-quote') kind='any' ;;
	'tr-ingest --database' | 'tr-ingest -d') kind='file' ;;
	'tr-ingest --now' | 'tr-ingest -t') kind='any' ;;
	'tr-init --quote' | 'tr-init -Q') kind='any' ;;
	'tr-init --database' | 'tr-init -d') kind='file' ;;
	'tr-init --now' | 'tr-init -t') kind='any' ;;
	'tr-jail --parent' | 'tr-jail -p') kind='any' ;;
	'tr-jail --directory' | 'tr-jail -C') kind='dir' ;;
	'tr-jail --read' | 'tr-jail -r') kind='any' ;;
	'tr-jail --scratch' | 'tr-jail -s') kind='dir' ;;
	'tr-jail --memory-mb') kind='any' ;;
	'tr-jail --cpu-s') kind='any' ;;
	'tr-jail --files') kind='any' ;;
	'tr-jail --file-mb') kind='any' ;;
	'tr-jail --processes') kind='any' ;;
	'tr-once --key' | 'tr-once -k') kind='any' ;;
	'tr-once --ttl') kind='any' ;;
	'tr-once --wait' | 'tr-once -w') kind='any' ;;
	'tr-once --lease') kind='any' ;;
	'tr-once --output-max') kind='any' ;;
	'tr-once --state' | 'tr-once -s') kind='any' ;;
	'tr-once --show') kind='any' ;;
	'tr-once --forget') kind='any' ;;
	'tr-once --guard') kind='any' ;;
	'tr-once --database' | 'tr-once -d') kind='file' ;;
	'tr-once --now' | 'tr-once -t') kind='any' ;;
	'tr-portfolio --at') kind='any' ;;
	'tr-portfolio --database' | 'tr-portfolio -d') kind='file' ;;
	'tr-portfolio --now' | 'tr-portfolio -t') kind='any' ;;
	'tr-provider --kind' | 'tr-provider -k') kind='any' ;;
	'tr-provider --base' | 'tr-provider -b') kind='any' ;;
	'tr-provider --key-file') kind='file' ;;
	'tr-provider --file' | 'tr-provider -f') kind='file' ;;
	'tr-provider --api-version') kind='any' ;;
	'tr-provider --parallel') kind='any' ;;
	'tr-provider --per-minute') kind='any' ;;
	'tr-provider --per-month') kind='any' ;;
	'tr-provider --input' | 'tr-provider -i') kind='any' ;;
	'tr-provider --output' | 'tr-provider -o') kind='any' ;;
	'tr-provider --cached' | 'tr-provider -c') kind='any' ;;
	'tr-provider --database' | 'tr-provider -d') kind='file' ;;
	'tr-provider --now' | 'tr-provider -t') kind='any' ;;
	'tr-replay --out' | 'tr-replay -o') kind='file' ;;
	'tr-replay --from') kind='any' ;;
	'tr-replay --to') kind='any' ;;
	'tr-replay --agents') kind='any' ;;
	'tr-replay --answers') kind='any' ;;
	'tr-replay --fill') kind='=next|batch' ;;
	'tr-replay --fee-bps') kind='any' ;;
	'tr-replay --set' | 'tr-replay -s') kind='any' ;;
	'tr-replay --jobs' | 'tr-replay -j') kind='any' ;;
	'tr-replay --database' | 'tr-replay -d') kind='file' ;;
	'tr-replay --now' | 'tr-replay -t') kind='any' ;;
	'tr-report --output' | 'tr-report -o') kind='file' ;;
	'tr-report --from') kind='any' ;;
	'tr-report --to') kind='any' ;;
	'tr-report --at') kind='any' ;;
	'tr-report --seed') kind='any' ;;
	'tr-report --database' | 'tr-report -d') kind='file' ;;
	'tr-report --now' | 'tr-report -t') kind='any' ;;
	'tr-routes --window' | 'tr-routes -w') kind='any' ;;
	'tr-routes --database' | 'tr-routes -d') kind='file' ;;
	'tr-routes --now' | 'tr-routes -t') kind='any' ;;
	'tr-snapshot --window' | 'tr-snapshot -w') kind='any' ;;
	'tr-snapshot --phase' | 'tr-snapshot -p') kind='=pre|post' ;;
	'tr-snapshot --database' | 'tr-snapshot -d') kind='file' ;;
	'tr-snapshot --now' | 'tr-snapshot -t') kind='any' ;;
	'tr-status --window' | 'tr-status -w') kind='any' ;;
	'tr-status --state' | 'tr-status -s') kind='any' ;;
	'tr-status --since') kind='any' ;;
	'tr-status --until') kind='any' ;;
	'tr-status --limit' | 'tr-status -l') kind='any' ;;
	'tr-status --page' | 'tr-status -p') kind='any' ;;
	'tr-status --database' | 'tr-status -d') kind='file' ;;
	'tr-status --now' | 'tr-status -t') kind='any' ;;
	'tr-trade --window' | 'tr-trade -w') kind='any' ;;
	'tr-trade --agent' | 'tr-trade -a') kind='agent' ;;
	'tr-trade --database' | 'tr-trade -d') kind='file' ;;
	'tr-trade --now' | 'tr-trade -t') kind='any' ;;
	'tr-try --prompt' | 'tr-try -p') kind='file' ;;
	'tr-try --against' | 'tr-try -a') kind='file' ;;
	'tr-try --template' | 'tr-try -T') kind='file' ;;
	'tr-try --model' | 'tr-try -m') kind='any' ;;
	'tr-try --last' | 'tr-try -l') kind='any' ;;
	'tr-try --from') kind='any' ;;
	'tr-try --to') kind='any' ;;
	'tr-try --max-usd' | 'tr-try -u') kind='any' ;;
	'tr-try --record') kind='file' ;;
	'tr-try --play') kind='file' ;;
	'tr-try --database' | 'tr-try -d') kind='file' ;;
	'tr-try --now' | 'tr-try -t') kind='any' ;;
	'tr-why --database' | 'tr-why -d') kind='file' ;;
	'tr-why --now' | 'tr-why -t') kind='any' ;;
	esac
}

_trading_race_operand() { # TOOL COMMAND INDEX: the kind of an operand
	kind=
	case "$1 $2 $3" in
	'tr-agent add 1') kind='any' ;;
	'tr-agent set 1') kind='agent' ;;
	'tr-agent set '*) kind='any' ;;
	'tr-agent show 1') kind='agent' ;;
	'tr-agent pause 1') kind='agent' ;;
	'tr-agent resume 1') kind='agent' ;;
	'tr-agent retire 1') kind='agent' ;;
	'tr-asset add 1') kind='any' ;;
	'tr-asset set 1') kind='asset' ;;
	'tr-asset show 1') kind='asset' ;;
	'tr-asset gaps 1') kind='asset' ;;
	'tr-asset enable 1') kind='asset' ;;
	'tr-asset disable 1') kind='asset' ;;
	'tr-board - 1') kind='any' ;;
	'tr-breaker isolate 1') kind='any' ;;
	'tr-breaker reset 1') kind='any' ;;
	'tr-breaker log 1') kind='any' ;;
	'tr-config get 1') kind='setting' ;;
	'tr-config set 1') kind='setting' ;;
	'tr-config set 2') kind='any' ;;
	'tr-config unset 1') kind='setting' ;;
	'tr-config explain '*) kind='setting' ;;
	'tr-config import 1') kind='file' ;;
	'tr-context - 1') kind='agent' ;;
	'tr-db backup 1') kind='file' ;;
	'tr-db restore 1') kind='file' ;;
	'tr-guard - 1') kind='any' ;;
	'tr-ingest - '*) kind='file' ;;
	'tr-init - 1') kind='file' ;;
	'tr-portfolio - 1') kind='agent' ;;
	'tr-provider show 1') kind='any' ;;
	'tr-provider add 1') kind='any' ;;
	'tr-provider set 1') kind='any' ;;
	'tr-provider key 1') kind='any' ;;
	'tr-provider price 1') kind='any' ;;
	'tr-provider remove 1') kind='any' ;;
	'tr-provider test 1') kind='any' ;;
	'tr-provider test 2') kind='any' ;;
	'tr-routes explain 1') kind='agent' ;;
	'tr-status - 1') kind='any' ;;
	'tr-try - 1') kind='agent' ;;
	'tr-why trade 1') kind='any' ;;
	'tr-why decision 1') kind='any' ;;
	'tr-why rejection 1') kind='any' ;;
	'tr-why window 1') kind='any' ;;
	'tr-why agent 1') kind='agent' ;;
	'tr-why agent 2') kind='any' ;;
	'tr-why agent 3') kind='asset' ;;
	esac
}

complete -F _trading_race tr-agent tr-asset tr-audit tr-board tr-breaker tr-check tr-config tr-context tr-cost tr-cycle tr-db tr-decide tr-doctor tr-fetch tr-guard tr-halt tr-ingest tr-init tr-jail tr-once tr-portfolio tr-provider tr-replay tr-report tr-routes tr-snapshot tr-status tr-trade tr-try tr-why
