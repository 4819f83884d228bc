#compdef codo
# Completion of codo for zsh, made by "codo completion zsh". Make it again after an upgrade.

# TABLES
_codo() {
    local verb= last= word= current="${words[CURRENT]}" _codo_words=
    local -a found partial
    local -i i
    for (( i = 2; i < CURRENT; i++ )); do
        if [[ -z $verb && ${words[i]} != -* ]]; then verb=${words[i]}; fi
        last=${words[i]}
    done
    if [[ -z $verb ]]; then
        compadd -- ${=_codo_verbs}
    elif _codo_option_values "$verb" "$last"; then
        compadd -- ${=_codo_words}
        _files
    elif [[ $current == --*=* ]]; then
        _codo_option_values "$verb" "${current%%=*}" || :
        compset -P '*='
        compadd -- ${=_codo_words}
        _files
    elif [[ $current == -* ]]; then
        _codo_options "$verb"
        compadd -- ${=_codo_words}
    elif [[ $current == *=* ]]; then
        _codo_setting_values "$verb" "${current%%=*}"
        compset -P '*='
        if [[ -n $_codo_words ]]; then compadd -- ${=_codo_words}; else _files; fi
    else
        _codo_arguments "$verb"
        for word in ${=_codo_words}; do
            [[ $word == "$current"* ]] || continue
            if [[ ${word#"$current"} == *.* ]]; then  # as far as the end of the next group
                word="${word#"$current"}"
                partial+=("$current${word%%.*}.")
            elif [[ $word == *= ]]; then
                partial+=("$word")
            else
                found+=("$word")
            fi
        done
        compadd -S '' -- ${(u)partial}
        compadd -- $found
        if (( ! $#partial && ! $#found )); then _files; fi
    fi
}
if [[ ${funcstack[1]} == _codo ]]; then _codo "$@"; else compdef _codo codo; fi
