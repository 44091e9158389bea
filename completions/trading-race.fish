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

complete -c tr-jail -f
complete -c tr-jail -s p -l parent -r -f -d 'refuse to start unless PID is the parent'
complete -c tr-jail -s C -l directory -r -f -a '(__fish_complete_directories)' -d 'run in DIR'
complete -c tr-jail -l memory-mb -r -f -d 'address space, in MiB'
complete -c tr-jail -l cpu-s -r -f -d 'processor time, in seconds'
complete -c tr-jail -l files -r -f -d 'open files'
complete -c tr-jail -l file-mb -r -f -d 'size of a file that is written, in MiB'
complete -c tr-jail -l processes -r -f -d 'processes of the user, all together (0: leave as it is)'
complete -c tr-jail -s q -l quiet -d 'print errors only'
complete -c tr-jail -s v -l verbose -d 'say more'
complete -c tr-jail -s h -l help -d 'print this help and exit'
complete -c tr-jail -s V -l version -d 'print the version and exit'
