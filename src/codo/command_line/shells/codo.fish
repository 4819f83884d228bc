# Completion of codo for fish, made by "codo completion fish". Make it again after an upgrade.

function __codo_verb_is -d "Whether the first word after codo that is no option is the given one; without one: there is none yet"
    set -l typed (commandline -opc)
    set -e typed[1]
    for word in $typed
        if not string match -q -- '-*' $word
            test "$word" = "$argv[1]"
            return
        end
    end
    test -z "$argv[1]"
end

function __codo_setting_is -d "Whether the word that is typed is a value of one of the given settings"
    string match -rq '^(?<setting>[^=]+)=' -- (commandline -ct)
    and contains -- $setting $argv
end

