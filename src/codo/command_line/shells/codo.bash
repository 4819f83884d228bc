# Completion of codo for bash (written for 3.2 and later), made by "codo completion bash". Make it again after an upgrade.

# TABLES
_codo() {
    COMPREPLY=()
    local IFS=$' \t\n'
    # The words between spaces: bash itself also splits them at = and :.
    local line="${COMP_LINE:0:COMP_POINT}"
    local current="${line##*[[:space:]]}"
    local before="${line:0:${#line}-${#current}}"
    local -a typed
    read -ra typed <<< "$before"
    local word verb="" last="" by_group="" option="${current%%=*}" stem=""
    for word in "${typed[@]:1}"; do
        if [[ -z $verb && $word != -* ]]; then verb=$word; fi
        last=$word
    done
    if [[ -z $verb ]]; then
        _codo_words=$_codo_verbs
    elif _codo_option_values "$verb" "$last"; then
        :
    elif [[ $current == --*=* ]]; then
        _codo_option_values "$verb" "$option" || :
        stem="$option="
    elif [[ $current == -* ]]; then
        _codo_options "$verb"
    elif [[ $current == *=* ]]; then
        _codo_setting_values "$verb" "$option"
        stem="$option="
    else
        _codo_arguments "$verb"
        by_group=yes
    fi
    local rest="${current#"$stem"}" end reply=""
    for word in $_codo_words; do
        if [[ $word != "$rest"* ]]; then continue; fi
        end=" "
        if [[ $word == *= ]]; then end=""; fi
        if [[ -n $by_group && ${word#"$rest"} == *.* ]]; then  # as far as the end of the next group
            word="${word#"$rest"}"
            word="$rest${word%%.*}."
            end=""
        fi
        if [[ $word == "$reply" ]]; then continue; fi
        reply=$word
        # Readline replaces what stands after =, or the whole word where = is no word break.
        if [[ $COMP_WORDBREAKS == *=* ]]; then COMPREPLY+=("$word$end"); else COMPREPLY+=("$stem$word$end"); fi
    done
}
complete -o default -o nospace -F _codo codo
