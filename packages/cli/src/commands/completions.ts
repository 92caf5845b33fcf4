import type { Call } from '../services.ts';
import type { Shell } from '../shells.ts';

/** Each asks the program itself what fits, so that pipelines and tables are those of the folder. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_hakiri() {
  local proposal
  COMPREPLY=()
  while IFS= read -r proposal; do
    COMPREPLY+=("$proposal")
  done < <("$1" __complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _hakiri hakiri
`,
  zsh: `#compdef hakiri
_hakiri() {
  local -a proposals
  proposals=("\${(@f)$("\${words[1]}" __complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$proposals" ]]; then
    _describe 'hakiri' proposals
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" = "_hakiri" ]]; then
  _hakiri "$@"
else
  compdef _hakiri hakiri
fi
`,
  fish: `function __hakiri_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  $words[1] __complete fish $words[2..] "$current" 2>/dev/null
end
complete -c hakiri -f -a '(__hakiri_complete)'
complete -c hakiri -l file -r -F
complete -c hakiri -l output -r -F
complete -c hakiri -l project -r -a '(__fish_complete_directories)'
`,
};

export async function completions(
  { output }: Call,
  _flags: Record<never, never>,
  shell: Shell,
): Promise<undefined> {
  output.out.write(SCRIPTS[shell]);
}
