# bash completion for dsa: it asks the program's own --help, so it knows what the program knows.
_dsa() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" -- "$word")
  elif [[ ${COMP_WORDS[1]} == eval ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "perplexity sparsity retrieval budget" -- "$word")
  elif [[ ${COMP_WORDS[1]} == cache ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "list verify clear" -- "$word")
  elif [[ ${COMP_WORDS[1]} == keys ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "create list revoke limit" -- "$word")
  elif [[ ${COMP_WORDS[1]} == connect ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "claude codex aider env" -- "$word")
  elif [[ ${COMP_WORDS[1]} == train ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "indexer sparse text model" -- "$word")
  elif [[ ${COMP_WORDS[1]} == rl ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "tasks sft grpo eval distill judge recipe claims" -- "$word")
  elif [[ ${COMP_WORDS[1]} == rl && ${COMP_WORDS[2]} == tasks && $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" rl tasks 2>/dev/null | sed 's/ .*//')" -- "$word")
  elif [[ ${COMP_WORDS[1]} == @(eval|cache|keys|connect|train|rl) && $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" "${COMP_WORDS[1]}" "${COMP_WORDS[2]}" --help 2>/dev/null | grep -oE '(^| |,)--?[a-z][a-z-]*' | tr -d ' ,')" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -oE '(^| |,)--?[a-z][a-z-]*' | tr -d ' ,')" -- "$word")
  else
    case $previous in
      --attention) mapfile -t COMPREPLY < <(compgen -W "auto dense sparse" -- "$word") ;;
      --thinking) mapfile -t COMPREPLY < <(compgen -W "auto on off" -- "$word") ;;
      --chat-format)
        mapfile -t COMPREPLY < <(compgen -W "$("$program" run --help 2>/dev/null | sed -n '/--chat-format/{s/.*{\(.*\)}.*/\1/;s/,/ /g;p}')" -- "$word")
        ;;
      --target) mapfile -t COMPREPLY < <(compgen -W "sum max blend" -- "$word") ;;
      --fill) mapfile -t COMPREPLY < <(compgen -W "auto compute" -- "$word") ;;
      --compute) mapfile -t COMPREPLY < <(compgen -W "auto f32 demo" -- "$word") ;;
      *)
        mapfile -t COMPREPLY < <(
          ((COMP_CWORD == 2)) && compgen -W "smollm2 tiny-v32" -- "$word"
          compgen -f -- "$word"
        )
        ;;
    esac
  fi
}
complete -o filenames -F _dsa dsa
