# Completion of the trading-race tools. Made by completions/generate.sh; do not edit.

# The names in the database of the line, else in that of the environment.
function __trading_race_names # TOOL
    set -l words (commandline -opc)
    set -l database
    for i in (seq (count $words))
        switch $words[$i]
            case -d --database
                set -l next (math $i + 1)
                test $next -le (count $words); and set database $words[$next]
            case '--database=*'
                set database (string replace -- --database= '' $words[$i])
            case '-d?*'
                set database (string sub -s 3 -- $words[$i])
        end
    end
    if set -q database[1]
        set database -d (string replace -r '^~/' "$HOME/" -- $database[1])
    end
    $argv[1] $database list --names </dev/null 2>/dev/null
end

# Whether the cursor is at an operand: COMMAND ("-": the tool has none) and its INDEX, or FROM+.
# The OPTIONs are those that take a value. COMMAND INDEX "any 0": where the command stands.
function __trading_race_at # COMMAND INDEX OPTION...
    set -l command $argv[1]
    set -l index $argv[2]
    set -l valued $argv[3..-1]
    set -l operands
    set -l skip
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip
        else if contains -- $word $valued
            set skip 1
        else if not string match -q -- '-?*' $word
            set -a operands $word
        end
    end
    test -z "$skip"; or return 1
    set -l at (math (count $operands) + 1)
    if test $command != -
        test $index = 0; and test $at -eq 1; and return 0
        test "$operands[1]" = $command; or return 1
        set at (math $at - 1)
    end
    if string match -q '*+' -- $index
        test $at -ge (string trim -r -c + -- $index)
    else
        test $at -eq $index
    end
end

complete -c tr-agent -f
complete -c tr-agent -s k -l kind -r -f -a 'rule exec llm ml manual' -d 'add: what decides'
complete -c tr-agent -s s -l strategy -r -f -d 'rule: the one to follow'
complete -c tr-agent -s S -l set -r -f -d 'rule: a parameter; may be repeated'
complete -c tr-agent -l network -d 'exec: grant it the network'
complete -c tr-agent -l read -r -f -a '(__fish_complete_directories)' -d 'exec: let it read DIR; may be repeated'
complete -c tr-agent -l unconfined -d 'exec: run it outside the jail'
complete -c tr-agent -s m -l model -r -f -d 'llm: the model to ask'
complete -c tr-agent -s f -l fallback -r -f -d 'llm: where else to ask; may be repeated'
complete -c tr-agent -l any-model -d 'llm: fallbacks may be other models'
complete -c tr-agent -s p -l prompt -r -F -d 'llm: its instructions'
complete -c tr-agent -l template -r -F -d 'llm: what the prompt is made from, instead of the built-in one'
complete -c tr-agent -l temperature -r -f -d 'llm: 0 to 2'
complete -c tr-agent -l max-tokens -r -f -d 'llm: longest answer, reasoning included'
complete -c tr-agent -l timeout -r -f -d 'llm: for one attempt'
complete -c tr-agent -l header -r -f -d 'llm: a further header of its requests; may be repeated'
complete -c tr-agent -l body-json -r -f -d 'llm: further members of the body of its requests'
complete -c tr-agent -l price -r -f -d 'llm: USD per million tokens of a model that has no price'
complete -c tr-agent -l budget-usd-day -r -f -d 'llm: what it may spend on a UTC day'
complete -c tr-agent -s u -l url -r -f -d 'ml: address of the service'
complete -c tr-agent -l provider -r -f -d 'ml: the service, as a provider'
complete -c tr-agent -l key-file -r -F -d 'ml: file with the key for --url'
complete -c tr-agent -l publish -r -f -a 'all reasoning none' -d 'what pages show of its words (reasoning)'
complete -c tr-agent -l names -d 'list: only the names'
complete -c tr-agent -s j -l json -d 'list, show: print JSON'
complete -c tr-agent -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-agent -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-agent -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-agent -s q -l quiet -d 'print errors only'
complete -c tr-agent -s v -l verbose -d 'say more'
complete -c tr-agent -s h -l help -d 'print this help and exit'
complete -c tr-agent -s V -l version -d 'print the version and exit'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a add -d 'let an agent take part'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a set -d 'change what it is made of'
complete -c tr-agent -n "__trading_race_at set 1 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a list -d 'all agents'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a show -d 'one agent with its parameters'
complete -c tr-agent -n "__trading_race_at show 1 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a pause -d 'ask it no more until resumed'
complete -c tr-agent -n "__trading_race_at pause 1 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a resume -d 'ask it again'
complete -c tr-agent -n "__trading_race_at resume 1 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a retire -d 'ask it no more, for good'
complete -c tr-agent -n "__trading_race_at retire 1 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-agent -n "__trading_race_at any 0 --kind -k --strategy -s --set -S --read --model -m --fallback -f --prompt -p --template --temperature --max-tokens --timeout --header --body-json --price --budget-usd-day --url -u --provider --key-file --publish --database -d --now -t" -a strategies -d 'all rules with their parameters'

complete -c tr-asset -f
complete -c tr-asset -s N -l name -r -f -d 'add: name for people'
complete -c tr-asset -s f -l feed -r -f -d 'add, set: sim[:PRICE], csv:FILE, history[:SOURCE], binance:, kraken: or coinbase:MARKET, coingecko:ID; may be repeated'
complete -c tr-asset -l accept-quote -r -f -d 'add, set: take prices in CURRENCY for the race\'s'
complete -c tr-asset -l names -d 'list: only the symbols'
complete -c tr-asset -l from -r -f -d 'gaps: candles from this time on ...'
complete -c tr-asset -l to -r -f -d 'gaps: ... and before this time'
complete -c tr-asset -s j -l json -d 'list, show, gaps: print JSON'
complete -c tr-asset -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-asset -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-asset -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-asset -s q -l quiet -d 'print errors only'
complete -c tr-asset -s v -l verbose -d 'say more'
complete -c tr-asset -s h -l help -d 'print this help and exit'
complete -c tr-asset -s V -l version -d 'print the version and exit'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a add -d 'let an asset take part'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a set -d 'replace its feeds'
complete -c tr-asset -n "__trading_race_at set 1 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a '(__trading_race_names tr-asset)'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a list -d 'all assets'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a show -d 'one asset'
complete -c tr-asset -n "__trading_race_at show 1 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a '(__trading_race_names tr-asset)'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a gaps -d 'what is missing of the candles, late or doubtful'
complete -c tr-asset -n "__trading_race_at gaps 1 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a '(__trading_race_names tr-asset)'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a enable -d 'let it be bought again'
complete -c tr-asset -n "__trading_race_at enable 1 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a '(__trading_race_names tr-asset)'
complete -c tr-asset -n "__trading_race_at any 0 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a disable -d 'let it be sold only; it stays valued'
complete -c tr-asset -n "__trading_race_at disable 1 --name -N --feed -f --accept-quote --from --to --database -d --now -t" -a '(__trading_race_names tr-asset)'

complete -c tr-audit -f
complete -c tr-audit -l export -r -F -d 'write a proof pack, - for stdout'
complete -c tr-audit -l force -d 'export: replace a file that is there'
complete -c tr-audit -l full -d 'export: with private texts; verify: refuse a pack without them'
complete -c tr-audit -l head -r -f -d 'this head was published: it must be one of the seals'
complete -c tr-audit -l heads -r -F -d 'compare with this copy of the head file, not with the one beside the race'
complete -c tr-audit -s j -l json -d 'print JSON'
complete -c tr-audit -l verify -r -F -d 'verify a proof pack instead of a race, - for stdin'
complete -c tr-audit -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-audit -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-audit -s q -l quiet -d 'print errors only'
complete -c tr-audit -s v -l verbose -d 'say more'
complete -c tr-audit -s h -l help -d 'print this help and exit'
complete -c tr-audit -s V -l version -d 'print the version and exit'

complete -c tr-board -f
complete -c tr-board -s s -l stats -d 'tell skill from luck, as far as can be'
complete -c tr-board -l from -r -f -d 'windows from this time on ...'
complete -c tr-board -l to -r -f -d '... and before this time'
complete -c tr-board -l at -r -f -d 'as it was in the window of this time'
complete -c tr-board -l versions -d 'a row for each version of an agent'
complete -c tr-board -l replicas -d 'the spread of agents of equal make'
complete -c tr-board -l seed -r -f -d 'of the random numbers of --stats (1)'
complete -c tr-board -s w -l watch -d 'print again every SECONDS (5), until q'
complete -c tr-board -s j -l json -d 'print JSON'
complete -c tr-board -s c -l csv -d 'print CSV'
complete -c tr-board -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-board -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-board -s q -l quiet -d 'print errors only'
complete -c tr-board -s v -l verbose -d 'say more'
complete -c tr-board -s h -l help -d 'print this help and exit'
complete -c tr-board -s V -l version -d 'print the version and exit'

complete -c tr-breaker -f
complete -c tr-breaker -s j -l json -d 'list, log: print JSON'
complete -c tr-breaker -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-breaker -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-breaker -s q -l quiet -d 'print errors only'
complete -c tr-breaker -s v -l verbose -d 'say more'
complete -c tr-breaker -s h -l help -d 'print this help and exit'
complete -c tr-breaker -s V -l version -d 'print the version and exit'
complete -c tr-breaker -n "__trading_race_at any 0 --database -d --now -t" -a list -d 'all breakers; the default'
complete -c tr-breaker -n "__trading_race_at any 0 --database -d --now -t" -a isolate -d 'let nobody ask it until it is reset'
complete -c tr-breaker -n "__trading_race_at any 0 --database -d --now -t" -a reset -d 'close its breaker and forget its failures'
complete -c tr-breaker -n "__trading_race_at any 0 --database -d --now -t" -a log -d 'the changes of all breakers, or of one'

complete -c tr-check -f
complete -c tr-check -s s -l stale -r -f -d 'warn if the last finished window began so long ago (900 in live races)'
complete -c tr-check -s f -l full -d 'audit all books and check the whole file'
complete -c tr-check -s a -l alert -d 'tell alert.command of problems and recoveries'
complete -c tr-check -s w -l wal -r -f -d 'warn if the write-ahead log is larger (64)'
complete -c tr-check -s D -l disk -r -f -d 'warn if less is free on the disk (512)'
complete -c tr-check -s T -l timeout -r -f -d 'longest time for a component (10)'
complete -c tr-check -s j -l json -d 'print JSON'
complete -c tr-check -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-check -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-check -s q -l quiet -d 'print errors only'
complete -c tr-check -s v -l verbose -d 'say more'
complete -c tr-check -s h -l help -d 'print this help and exit'
complete -c tr-check -s V -l version -d 'print the version and exit'

complete -c tr-config -f
complete -c tr-config -l names -d 'list: only the names'
complete -c tr-config -s j -l json -d 'list and log: print JSON'
complete -c tr-config -s e -l effective -d 'list and get: with overrides from the environment'
complete -c tr-config -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-config -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-config -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-config -s q -l quiet -d 'print errors only'
complete -c tr-config -s v -l verbose -d 'say more'
complete -c tr-config -s h -l help -d 'print this help and exit'
complete -c tr-config -s V -l version -d 'print the version and exit'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a list -d 'all settings with their values'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a get -d 'one value'
complete -c tr-config -n "__trading_race_at get 1 --database -d --now -t" -a '(__trading_race_names tr-config)'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a set -d 'change a value'
complete -c tr-config -n "__trading_race_at set 1 --database -d --now -t" -a '(__trading_race_names tr-config)'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a unset -d 'back to the default'
complete -c tr-config -n "__trading_race_at unset 1 --database -d --now -t" -a '(__trading_race_names tr-config)'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a explain -d 'type, range, default and meaning'
complete -c tr-config -n "__trading_race_at explain 1+ --database -d --now -t" -a '(__trading_race_names tr-config)'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a export -d 'all values that differ from the defaults, as JSON'
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a import -d 'take over what export printed, from FILE or standard input'
complete -c tr-config -n "__trading_race_at import 1 --database -d --now -t" -F
complete -c tr-config -n "__trading_race_at any 0 --database -d --now -t" -a log -d 'every change that was made'

complete -c tr-context -f
complete -c tr-context -s w -l window -r -f -d 'window id, time, latest or -N (default: latest)'
complete -c tr-context -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-context -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-context -s q -l quiet -d 'print errors only'
complete -c tr-context -s v -l verbose -d 'say more'
complete -c tr-context -s h -l help -d 'print this help and exit'
complete -c tr-context -s V -l version -d 'print the version and exit'
complete -c tr-context -n "__trading_race_at - 1 --window -w --database -d --now -t" -a '(__trading_race_names tr-agent)'

complete -c tr-cost -f
complete -c tr-cost -l today -d 'only the present UTC day'
complete -c tr-cost -l since -r -f -d 'only attempts that began at TIME or later'
complete -c tr-cost -l until -r -f -d 'only attempts that began before TIME'
complete -c tr-cost -s a -l agent -r -f -a '(__trading_race_names tr-agent)' -d 'only attempts for this agent'
complete -c tr-cost -s b -l by -r -f -d 'also by agent, model or day'
complete -c tr-cost -s j -l json -d 'print JSON'
complete -c tr-cost -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-cost -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-cost -s q -l quiet -d 'print errors only'
complete -c tr-cost -s v -l verbose -d 'say more'
complete -c tr-cost -s h -l help -d 'print this help and exit'
complete -c tr-cost -s V -l version -d 'print the version and exit'

complete -c tr-cycle -f
complete -c tr-cycle -s w -l window -r -f -d 'window id, time, latest or -N (default: now)'
complete -c tr-cycle -l from -r -f -d 'run all windows from this one ...'
complete -c tr-cycle -l to -r -f -d '... up to this one, which is not run'
complete -c tr-cycle -s W -l wait -r -f -d 'wait so long for another tr-cycle to end (0)'
complete -c tr-cycle -l record -r -F -d 'append every exchange with a service to FILE'
complete -c tr-cycle -l play -r -F -d 'take the answers of services from FILE: no network, no cost'
complete -c tr-cycle -l pay -d 'ask for money also in windows that are not the clock\'s'
complete -c tr-cycle -s j -l json -d 'print the result as JSON'
complete -c tr-cycle -s n -l dry-run -d 'say which stages would run, run none'
complete -c tr-cycle -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-cycle -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-cycle -s q -l quiet -d 'print errors only'
complete -c tr-cycle -s v -l verbose -d 'say more'
complete -c tr-cycle -s h -l help -d 'print this help and exit'
complete -c tr-cycle -s V -l version -d 'print the version and exit'

complete -c tr-db -f
complete -c tr-db -s l -l logical -d 'dump: tables in key order, without row numbers and volatile columns'
complete -c tr-db -s f -l force -d 'backup, restore: replace the file that is there'
complete -c tr-db -l new-heads -d 'restore: rename the head file that is there and begin a new one'
complete -c tr-db -s o -l older-than -r -f -d 'prune: windows older than 30d, 12h ...'
complete -c tr-db -s n -l dry-run -d 'prune: count, remove nothing'
complete -c tr-db -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-db -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-db -s q -l quiet -d 'print errors only'
complete -c tr-db -s v -l verbose -d 'say more'
complete -c tr-db -s h -l help -d 'print this help and exit'
complete -c tr-db -s V -l version -d 'print the version and exit'
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a dump -d 'print the content as JSON lines; needs --logical'
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a check -d 'integrity of the file, foreign keys, books and chain'
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a checkpoint -d 'move the write-ahead log into the file'
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a backup -d 'copy the race to FILE and check the copy'
complete -c tr-db -n "__trading_race_at backup 1 --older-than -o --database -d --now -t" -F
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a restore -d 'check FILE and put a copy of it in the race\'s place'
complete -c tr-db -n "__trading_race_at restore 1 --older-than -o --database -d --now -t" -F
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a drill -d 'back up, restore beside the race, compare, remove both'
complete -c tr-db -n "__trading_race_at any 0 --older-than -o --database -d --now -t" -a prune -d 'remove history and texts of old windows; needs --older-than'

complete -c tr-decide -f
complete -c tr-decide -s w -l window -r -f -d 'window id, time, latest or -N (default: standard input, else latest)'
complete -c tr-decide -s a -l agent -r -f -a '(__trading_race_names tr-agent)' -d 'ask only AGENT; may be repeated'
complete -c tr-decide -s n -l dry-run -d 'show what rule agents would decide, store nothing, ask nobody else'
complete -c tr-decide -l record -r -F -d 'append every exchange with a service to FILE'
complete -c tr-decide -l play -r -F -d 'take the answers of services from FILE: no network, no cost'
complete -c tr-decide -l pay -d 'ask for money also in a window that is not the clock\'s'
complete -c tr-decide -s L -l left -r -f -d 'milliseconds left for answers; 0: none'
complete -c tr-decide -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-decide -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-decide -s q -l quiet -d 'print errors only'
complete -c tr-decide -s v -l verbose -d 'say more'
complete -c tr-decide -s h -l help -d 'print this help and exit'
complete -c tr-decide -s V -l version -d 'print the version and exit'

complete -c tr-doctor -f
complete -c tr-doctor -s o -l online -d 'ask every service in use once'
complete -c tr-doctor -s w -l wal -r -f -d 'warn if the write-ahead log is larger (64)'
complete -c tr-doctor -s D -l disk -r -f -d 'warn if less is free on the disk (512)'
complete -c tr-doctor -s T -l timeout -r -f -d 'longest time for one check (10)'
complete -c tr-doctor -s j -l json -d 'print JSON'
complete -c tr-doctor -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-doctor -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-doctor -s q -l quiet -d 'print errors only'
complete -c tr-doctor -s v -l verbose -d 'say more'
complete -c tr-doctor -s h -l help -d 'print this help and exit'
complete -c tr-doctor -s V -l version -d 'print the version and exit'

complete -c tr-fetch -f
complete -c tr-fetch -l record -r -F -d 'append every exchange to FILE'
complete -c tr-fetch -l play -r -F -d 'answer from FILE, without any network'
complete -c tr-fetch -l parallel -r -f -d 'exchanges at the same time (1024)'
complete -c tr-fetch -l ca -r -F -d 'certificates to trust, in one file'
complete -c tr-fetch -s p -l parent -r -f -d 'refuse to start unless PID is the parent'
complete -c tr-fetch -s q -l quiet -d 'print errors only'
complete -c tr-fetch -s v -l verbose -d 'say more'
complete -c tr-fetch -s h -l help -d 'print this help and exit'
complete -c tr-fetch -s V -l version -d 'print the version and exit'

complete -c tr-guard -f
complete -c tr-guard -l timeout -r -f -d 'kill an attempt after this time (data.timeout_s)'
complete -c tr-guard -l deadline -r -f -d 'for all attempts and pauses together (none)'
complete -c tr-guard -s r -l retries -r -f -d 'attempts after the first (data.retries)'
complete -c tr-guard -s f -l failures -r -f -d 'so many in a row open the breaker (data.failures)'
complete -c tr-guard -l break -r -f -d 'how long it stays open at first (data.break_s)'
complete -c tr-guard -l retry-on -r -f -d 'exit statuses of failures that may pass (75)'
complete -c tr-guard -l per-minute -r -f -d 'the most attempts of the provider in 60 seconds (tr-provider)'
complete -c tr-guard -l parallel -r -f -d 'the most attempts of the provider at a time (tr-provider)'
complete -c tr-guard -l output-max -r -f -d 'the most that an attempt may print (1024)'
complete -c tr-guard -l no-breaker -d 'ask the service whatever is known of it'
complete -c tr-guard -l no-retries -d 'make one attempt'
complete -c tr-guard -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-guard -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-guard -s q -l quiet -d 'print errors only'
complete -c tr-guard -s v -l verbose -d 'say more'
complete -c tr-guard -s h -l help -d 'print this help and exit'
complete -c tr-guard -s V -l version -d 'print the version and exit'

complete -c tr-halt -f
complete -c tr-halt -s r -l reason -r -f -d 'halt, and say why'
complete -c tr-halt -s N -l name -r -f -d 'name of the halt (operator)'
complete -c tr-halt -s R -l release -d 'release the halt of that name'
complete -c tr-halt -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-halt -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-halt -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-halt -s q -l quiet -d 'print errors only'
complete -c tr-halt -s v -l verbose -d 'say more'
complete -c tr-halt -s h -l help -d 'print this help and exit'
complete -c tr-halt -s V -l version -d 'print the version and exit'

complete -c tr-ingest -f
complete -c tr-ingest -s w -l window -r -f -d 'window id, time, latest or -N (default: now)'
complete -c tr-ingest -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-ingest -l record -r -F -d 'append every exchange with a service to FILE'
complete -c tr-ingest -l play -r -F -d 'take the answers of services from FILE: no network'
complete -c tr-ingest -s i -l import -d 'import the candle files FILE...'
complete -c tr-ingest -s s -l source -r -f -d 'import: name of the series (import)'
complete -c tr-ingest -l accept-quote -r -f -d 'import: take prices in CURRENCY for the race\'s'
complete -c tr-ingest -s l -l lenient -d 'import: skip bad rows instead of refusing the file'
complete -c tr-ingest -s r -l revise -d 'import: keep values that differ as revisions'
complete -c tr-ingest -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-ingest -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-ingest -s q -l quiet -d 'print errors only'
complete -c tr-ingest -s v -l verbose -d 'say more'
complete -c tr-ingest -s h -l help -d 'print this help and exit'
complete -c tr-ingest -s V -l version -d 'print the version and exit'
complete -c tr-ingest -n "__trading_race_at - 1+ --window -w --record --play --source -s --accept-quote --database -d --now -t" -F

complete -c tr-init -f
complete -c tr-init -s Q -l quote -r -f -d 'currency of all prices and of the cash (USD)'
complete -c tr-init -l demo -d 'add six simulated assets and four strategies'
complete -c tr-init -l bare -d 'add nothing, not even the baselines'
complete -c tr-init -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-init -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-init -s q -l quiet -d 'print errors only'
complete -c tr-init -s v -l verbose -d 'say more'
complete -c tr-init -s h -l help -d 'print this help and exit'
complete -c tr-init -s V -l version -d 'print the version and exit'
complete -c tr-init -n "__trading_race_at - 1 --quote -Q --database -d --now -t" -F

complete -c tr-jail -f
complete -c tr-jail -s p -l parent -r -f -d 'refuse to start unless PID is the parent'
complete -c tr-jail -s k -l keep -d 'stay, and kill all that PROG left behind'
complete -c tr-jail -s C -l directory -r -f -a '(__fish_complete_directories)' -d 'run in DIR'
complete -c tr-jail -s r -l read -r -f -d 'PROG may read and execute PATH, too'
complete -c tr-jail -s s -l scratch -r -f -a '(__fish_complete_directories)' -d 'PROG runs and may write in DIR'
complete -c tr-jail -l network -d 'PROG may use the network'
complete -c tr-jail -l unconfined -d 'do not confine PROG, set limits only'
complete -c tr-jail -l memory-mb -r -f -d 'address space, in MiB'
complete -c tr-jail -l cpu-s -r -f -d 'processor time, in seconds'
complete -c tr-jail -l files -r -f -d 'open files'
complete -c tr-jail -l file-mb -r -f -d 'size of a file that is written, in MiB'
complete -c tr-jail -l processes -r -f -d 'processes of the user, all together (0: leave as it is)'
complete -c tr-jail -s q -l quiet -d 'print errors only'
complete -c tr-jail -s v -l verbose -d 'say more'
complete -c tr-jail -s h -l help -d 'print this help and exit'
complete -c tr-jail -s V -l version -d 'print the version and exit'

complete -c tr-once -f
complete -c tr-once -s k -l key -r -f -d 'run the command once under KEY'
complete -c tr-once -l ttl -r -f -d 'keep the result so long: 90s, 10m, 2h, 2d (72h)'
complete -c tr-once -s w -l wait -r -f -d 'wait so long for another caller (0)'
complete -c tr-once -l lease -r -f -d 'the longest that the command takes (3600)'
complete -c tr-once -l output-max -r -f -d 'the most that it may print (1024)'
complete -c tr-once -s l -l list -d 'list the keys'
complete -c tr-once -s s -l state -r -f -d 'list: only keys in this state'
complete -c tr-once -l show -r -f -d 'show all about one key'
complete -c tr-once -l stats -d 'count keys, runs and replays'
complete -c tr-once -s j -l json -d 'list, show, stats: print JSON'
complete -c tr-once -l purge -d 'remove the keys that are past their time'
complete -c tr-once -l forget -r -f -d 'remove one key'
complete -c tr-once -l guard -r -f -d 'no key: run the command, and kill it when the parent PID ends'
complete -c tr-once -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-once -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-once -s q -l quiet -d 'print errors only'
complete -c tr-once -s v -l verbose -d 'say more'
complete -c tr-once -s h -l help -d 'print this help and exit'
complete -c tr-once -s V -l version -d 'print the version and exit'

complete -c tr-portfolio -f
complete -c tr-portfolio -l at -r -f -d 'as of the last window at or before TIME'
complete -c tr-portfolio -s j -l json -d 'print JSON'
complete -c tr-portfolio -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-portfolio -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-portfolio -s q -l quiet -d 'print errors only'
complete -c tr-portfolio -s v -l verbose -d 'say more'
complete -c tr-portfolio -s h -l help -d 'print this help and exit'
complete -c tr-portfolio -s V -l version -d 'print the version and exit'
complete -c tr-portfolio -n "__trading_race_at - 1 --at --database -d --now -t" -a '(__trading_race_names tr-agent)'

complete -c tr-provider -f
complete -c tr-provider -s k -l kind -r -f -d 'add: the API it speaks'
complete -c tr-provider -s b -l base -r -f -d 'add, set: where it is'
complete -c tr-provider -l key-file -r -F -d 'add, set: the file with its key'
complete -c tr-provider -s f -l file -r -F -d 'key: the file with its key'
complete -c tr-provider -l api-version -r -f -d 'add, set: azure: version in the query'
complete -c tr-provider -l no-schema -d 'add, set: do not ask it for structured output'
complete -c tr-provider -l schema -d 'add, set: ask it for structured output'
complete -c tr-provider -l parallel -r -f -d 'add, set: calls in flight; 0: no limit'
complete -c tr-provider -l per-minute -r -f -d 'add, set: calls in a minute; 0: no limit'
complete -c tr-provider -l per-month -r -f -d 'add, set: calls in a month; 0: no limit'
complete -c tr-provider -s i -l input -r -f -d 'price: of a million tokens of input'
complete -c tr-provider -s o -l output -r -f -d 'price: of a million tokens of output'
complete -c tr-provider -s c -l cached -r -f -d 'price: of a million tokens of cached input'
complete -c tr-provider -l names -d 'list: only the names'
complete -c tr-provider -s j -l json -d 'list, show, test: print JSON'
complete -c tr-provider -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-provider -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-provider -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-provider -s q -l quiet -d 'print errors only'
complete -c tr-provider -s v -l verbose -d 'say more'
complete -c tr-provider -s h -l help -d 'print this help and exit'
complete -c tr-provider -s V -l version -d 'print the version and exit'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a list -d 'all services'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a show -d 'one service with the prices of its models'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a add -d 'a new service'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a set -d 'change a service'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a key -d 'say where its key lies'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a price -d 'say what a model costs'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a remove -d 'forget a service, or go back to the built-in one'
complete -c tr-provider -n "__trading_race_at any 0 --kind -k --base -b --key-file --file -f --api-version --parallel --per-minute --per-month --input -i --output -o --cached -c --database -d --now -t" -a test -d 'ask it once for real, which may cost a little'

complete -c tr-replay -f
complete -c tr-replay -s o -l out -r -F -d 'race to make, or to continue'
complete -c tr-replay -l from -r -f -d 'first window'
complete -c tr-replay -l to -r -f -d 'window after the last'
complete -c tr-replay -l agents -r -f -d 'only these and the baselines (default: all but remote ones)'
complete -c tr-replay -l answers -r -f -d 'replay this race with the answers that were given in it'
complete -c tr-replay -l fill -r -f -a 'next batch' -d 'which batch fills a decision (default: next)'
complete -c tr-replay -l fee-bps -r -f -d 'the same as --set trade.fee_bps=NUMBER'
complete -c tr-replay -s s -l set -r -f -d 'a setting that differs from the first race\'s; may be repeated'
complete -c tr-replay -s j -l jobs -r -f -d 'programs that are asked at once (default: processors)'
complete -c tr-replay -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-replay -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-replay -s q -l quiet -d 'print errors only'
complete -c tr-replay -s v -l verbose -d 'say more'
complete -c tr-replay -s h -l help -d 'print this help and exit'
complete -c tr-replay -s V -l version -d 'print the version and exit'

complete -c tr-report -f
complete -c tr-report -s o -l output -r -F -d 'where to write it (race.html); - is standard output'
complete -c tr-report -l from -r -f -d 'windows from this time on ...'
complete -c tr-report -l to -r -f -d '... and before this time'
complete -c tr-report -l at -r -f -d 'as it was in the window of this time'
complete -c tr-report -l seed -r -f -d 'of the random numbers of the statistics (1)'
complete -c tr-report -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-report -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-report -s q -l quiet -d 'print errors only'
complete -c tr-report -s v -l verbose -d 'say more'
complete -c tr-report -s h -l help -d 'print this help and exit'
complete -c tr-report -s V -l version -d 'print the version and exit'

complete -c tr-routes -f
complete -c tr-routes -s r -l worst -d 'list: the worst first'
complete -c tr-routes -s w -l window -r -f -d 'explain: id, time, latest or -N (default: the newest with a choice)'
complete -c tr-routes -s j -l json -d 'list, explain: print JSON'
complete -c tr-routes -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-routes -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-routes -s q -l quiet -d 'print errors only'
complete -c tr-routes -s v -l verbose -d 'say more'
complete -c tr-routes -s h -l help -d 'print this help and exit'
complete -c tr-routes -s V -l version -d 'print the version and exit'
complete -c tr-routes -n "__trading_race_at any 0 --window -w --database -d --now -t" -a list -d 'all candidates that were ever asked; the default'
complete -c tr-routes -n "__trading_race_at any 0 --window -w --database -d --now -t" -a explain -d 'which candidates an agent had in a window, and who answered'
complete -c tr-routes -n "__trading_race_at explain 1 --window -w --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-routes -n "__trading_race_at any 0 --window -w --database -d --now -t" -a rebuild -d 'make the statistics anew from the calls'

complete -c tr-snapshot -f
complete -c tr-snapshot -s w -l window -r -f -d 'window id, time, latest or -N (default: standard input, else latest)'
complete -c tr-snapshot -s p -l phase -r -f -a 'pre post' -d 'only this one (default: all that are due)'
complete -c tr-snapshot -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-snapshot -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-snapshot -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-snapshot -s q -l quiet -d 'print errors only'
complete -c tr-snapshot -s v -l verbose -d 'say more'
complete -c tr-snapshot -s h -l help -d 'print this help and exit'
complete -c tr-snapshot -s V -l version -d 'print the version and exit'

complete -c tr-status -f
complete -c tr-status -s w -l window -r -f -d 'the same as the operand; for -N, so many before the latest'
complete -c tr-status -s f -l failed -d 'only windows that did not go well'
complete -c tr-status -s s -l state -r -f -d 'only windows in this state'
complete -c tr-status -l since -r -f -d 'windows from TIME on: also today, yesterday, -Nh, -Nd'
complete -c tr-status -l until -r -f -d 'windows that start before TIME'
complete -c tr-status -s l -l limit -r -f -d 'windows per page (20)'
complete -c tr-status -s p -l page -r -f -d 'the K-th page (1)'
complete -c tr-status -s j -l json -d 'print JSON lines'
complete -c tr-status -l text -d 'print text, also where no terminal is'
complete -c tr-status -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-status -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-status -s q -l quiet -d 'print errors only'
complete -c tr-status -s v -l verbose -d 'say more'
complete -c tr-status -s h -l help -d 'print this help and exit'
complete -c tr-status -s V -l version -d 'print the version and exit'

complete -c tr-trade -f
complete -c tr-trade -s w -l window -r -f -d 'window id, time, latest or -N (default: standard input, else latest)'
complete -c tr-trade -s a -l agent -r -f -a '(__trading_race_names tr-agent)' -d 'only AGENT; with an answer on standard input: hand it in for AGENT'
complete -c tr-trade -s s -l settle -d 'carry out only what was decided in earlier windows'
complete -c tr-trade -s n -l dry-run -d 'check everything, write nothing'
complete -c tr-trade -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-trade -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-trade -s q -l quiet -d 'print errors only'
complete -c tr-trade -s v -l verbose -d 'say more'
complete -c tr-trade -s h -l help -d 'print this help and exit'
complete -c tr-trade -s V -l version -d 'print the version and exit'

complete -c tr-try -f
complete -c tr-try -s p -l prompt -r -F -d 'instructions to try (default: those of the agent)'
complete -c tr-try -s a -l against -r -F -d 'instructions to compare with (default: what was decided)'
complete -c tr-try -s T -l template -r -F -d 'what prompts are made from, instead of the agent\'s'
complete -c tr-try -s m -l model -r -f -d 'ask this model instead of the agent\'s'
complete -c tr-try -s l -l last -r -f -d 'the last N decision windows of the agent'
complete -c tr-try -l from -r -f -d 'only windows that start at TIME or later'
complete -c tr-try -l to -r -f -d 'only windows that start before TIME'
complete -c tr-try -s u -l max-usd -r -f -d 'what may be spent at most'
complete -c tr-try -s y -l yes -d 'do not ask on a terminal before spending'
complete -c tr-try -l record -r -F -d 'append every exchange to FILE'
complete -c tr-try -l play -r -F -d 'take the answers from FILE: no network, no cost'
complete -c tr-try -s j -l json -d 'print JSON lines'
complete -c tr-try -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-try -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-try -s q -l quiet -d 'print errors only'
complete -c tr-try -s v -l verbose -d 'say more'
complete -c tr-try -s h -l help -d 'print this help and exit'
complete -c tr-try -s V -l version -d 'print the version and exit'
complete -c tr-try -n "__trading_race_at - 1 --prompt -p --against -a --template -T --model -m --last -l --from --to --max-usd -u --record --play --database -d --now -t" -a '(__trading_race_names tr-agent)'

complete -c tr-why -f
complete -c tr-why -s c -l context -d 'print what the agent was shown, too'
complete -c tr-why -s p -l prompt -d 'print what the model was asked, too'
complete -c tr-why -s j -l json -d 'print JSON'
complete -c tr-why -s d -l database -r -F -d 'race database (default $TR_DB, else race.db)'
complete -c tr-why -s t -l now -r -f -d 'pretend that it is TIME'
complete -c tr-why -s q -l quiet -d 'print errors only'
complete -c tr-why -s v -l verbose -d 'say more'
complete -c tr-why -s h -l help -d 'print this help and exit'
complete -c tr-why -s V -l version -d 'print the version and exit'
complete -c tr-why -n "__trading_race_at any 0 --database -d --now -t" -a trade -d 'the fill of that number'
complete -c tr-why -n "__trading_race_at any 0 --database -d --now -t" -a decision -d 'the N-th decision that was carried out'
complete -c tr-why -n "__trading_race_at any 0 --database -d --now -t" -a rejection -d 'the N-th order that was dropped'
complete -c tr-why -n "__trading_race_at any 0 --database -d --now -t" -a window -d 'a window, also one that was missed or skipped'
complete -c tr-why -n "__trading_race_at any 0 --database -d --now -t" -a agent -d 'what an agent did in a window; the default, without this word'
complete -c tr-why -n "__trading_race_at agent 1 --database -d --now -t" -a '(__trading_race_names tr-agent)'
complete -c tr-why -n "__trading_race_at agent 3 --database -d --now -t" -a '(__trading_race_names tr-asset)'
