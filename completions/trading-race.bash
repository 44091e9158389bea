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
	tr-jail)
		options='-p --parent -C --directory --memory-mb --cpu-s --files --file-mb --processes -q --quiet -v --verbose -h --help -V --version'
		commands=''
		;;
	esac
}

_trading_race_argument() { # TOOL OPTION: the kind of its argument, '' for none
	kind=
	case "$1 $2" in
	'tr-jail --parent' | 'tr-jail -p') kind='any' ;;
	'tr-jail --directory' | 'tr-jail -C') kind='dir' ;;
	'tr-jail --memory-mb') kind='any' ;;
	'tr-jail --cpu-s') kind='any' ;;
	'tr-jail --files') kind='any' ;;
	'tr-jail --file-mb') kind='any' ;;
	'tr-jail --processes') kind='any' ;;
	esac
}

_trading_race_operand() { # TOOL COMMAND INDEX: the kind of an operand
	kind=
	case "$1 $2 $3" in
	esac
}

complete -F _trading_race tr-jail
