# Completion of the trading-race tools. Made by completions/generate.sh; do not edit.

# The names in the database of the line, else in that of the environment.
_trading_race_names() { # TOOL
	local -a names args
	local database=${opt_args[-d]:-${opt_args[--database]}}

	[[ -z $database ]] || args=(-d ${database/#\~\//$HOME/})
	names=(${(f)"$($1 $args list --names </dev/null 2>/dev/null)"})
	compadd -a names
}

_trading_race_offer() { # KIND
	case $1 in
	agent) _trading_race_names tr-agent ;;
	asset) _trading_race_names tr-asset ;;
	setting) _trading_race_names tr-config ;;
	file) _files ;;
	dir) _files -/ ;;
	'='*) compadd -- ${(s:|:)${1#\=}} ;;
	*) _message 'value' ;;
	esac
}

# ${line} holds the operands, the one under the cursor last.
_trading_race_operands() {
	local kind= command=- index=$#line

	if (( $#commands )); then
		command=$line[1]
		(( index-- ))
	fi
	if (( index == 0 )); then
		_describe command commands
	else
		_trading_race_operand $service $command $index
		_trading_race_offer $kind
	fi
}
