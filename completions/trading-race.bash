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
		options='-k --kind -s --strategy -S --set --names -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='add set list show pause resume retire strategies'
		;;
	tr-asset)
		options='-N --name -f --feed --accept-quote --names -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='add set list show enable disable'
		;;
	tr-audit)
		options='-j --json -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-board)
		options='-j --json -c --csv -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
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
	tr-cycle)
		options='-w --window --from --to -W --wait -j --json -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-db)
		options='-l --logical -f --force -o --older-than -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands='dump check checkpoint backup restore drill prune'
		;;
	tr-decide)
		options='-w --window -a --agent -n --dry-run -L --left -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-halt)
		options='-r --reason -N --name -R --release -n --dry-run -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-ingest)
		options='-w --window -n --dry-run -i --import -s --source --accept-quote -l --lenient -r --revise -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-init)
		options='-Q --quote --demo --bare -d --database -t --now -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	tr-jail)
		options='-p --parent -k --keep -C --directory --memory-mb --cpu-s --files --file-mb --processes -q --quiet -v --verbose -h --help -V --version'
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
	esac
}

_trading_race_argument() { # TOOL OPTION: the kind of its argument, '' for none
	kind=
	case "$1 $2" in
	'tr-agent --kind' | 'tr-agent -k') kind='=rule|exec|manual' ;;
	'tr-agent --strategy' | 'tr-agent -s') kind='any' ;;
	'tr-agent --set' | 'tr-agent -S') kind='any' ;;
	'tr-agent --database' | 'tr-agent -d') kind='file' ;;
	'tr-agent --now' | 'tr-agent -t') kind='any' ;;
	'tr-asset --name' | 'tr-asset -N') kind='any' ;;
	'tr-asset --feed' | 'tr-asset -f') kind='any' ;;
	'tr-asset --accept-quote') kind='any' ;;
	'tr-asset --database' | 'tr-asset -d') kind='file' ;;
	'tr-asset --now' | 'tr-asset -t') kind='any' ;;
	'tr-audit --database' | 'tr-audit -d') kind='file' ;;
	'tr-audit --now' | 'tr-audit -t') kind='any' ;;
	'tr-board --database' | 'tr-board -d') kind='file' ;;
	'tr-board --now' | 'tr-board -t') kind='any' ;;
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
	'tr-cycle --window' | 'tr-cycle -w') kind='any' ;;
	'tr-cycle --from') kind='any' ;;
	'tr-cycle --to') kind='any' ;;
	'tr-cycle --wait' | 'tr-cycle -W') kind='any' ;;
	'tr-cycle --database' | 'tr-cycle -d') kind='file' ;;
	'tr-cycle --now' | 'tr-cycle -t') kind='any' ;;
	'tr-db --older-than' | 'tr-db -o') kind='any' ;;
	'tr-db --database' | 'tr-db -d') kind='file' ;;
	'tr-db --now' | 'tr-db -t') kind='any' ;;
	'tr-decide --window' | 'tr-decide -w') kind='any' ;;
	'tr-decide --agent' | 'tr-decide -a') kind='agent' ;;
	'tr-decide --left' | 'tr-decide -L') kind='any' ;;
	'tr-decide --database' | 'tr-decide -d') kind='file' ;;
	'tr-decide --now' | 'tr-decide -t') kind='any' ;;
	'tr-halt --reason' | 'tr-halt -r') kind='any' ;;
	'tr-halt --name' | 'tr-halt -N') kind='any' ;;
	'tr-halt --database' | 'tr-halt -d') kind='file' ;;
	'tr-halt --now' | 'tr-halt -t') kind='any' ;;
	'tr-ingest --window' | 'tr-ingest -w') kind='any' ;;
	'tr-ingest --source' | 'tr-ingest -s') kind='any' ;;
	'tr-ingest --accept-quote') kind='any' ;;
	'tr-ingest --database' | 'tr-ingest -d') kind='file' ;;
	'tr-ingest --now' | 'tr-ingest -t') kind='any' ;;
	'tr-init --quote' | 'tr-init -Q') kind='any' ;;
	'tr-init --database' | 'tr-init -d') kind='file' ;;
	'tr-init --now' | 'tr-init -t') kind='any' ;;
	'tr-jail --parent' | 'tr-jail -p') kind='any' ;;
	'tr-jail --directory' | 'tr-jail -C') kind='dir' ;;
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
	'tr-asset enable 1') kind='asset' ;;
	'tr-asset disable 1') kind='asset' ;;
	'tr-config get 1') kind='setting' ;;
	'tr-config set 1') kind='setting' ;;
	'tr-config set 2') kind='any' ;;
	'tr-config unset 1') kind='setting' ;;
	'tr-config explain '*) kind='setting' ;;
	'tr-config import 1') kind='file' ;;
	'tr-context - 1') kind='agent' ;;
	'tr-db backup 1') kind='file' ;;
	'tr-db restore 1') kind='file' ;;
	'tr-ingest - '*) kind='file' ;;
	'tr-init - 1') kind='file' ;;
	'tr-portfolio - 1') kind='agent' ;;
	'tr-status - 1') kind='any' ;;
	esac
}

complete -F _trading_race tr-agent tr-asset tr-audit tr-board tr-check tr-config tr-context tr-cycle tr-db tr-decide tr-halt tr-ingest tr-init tr-jail tr-once tr-portfolio tr-snapshot tr-status tr-trade
