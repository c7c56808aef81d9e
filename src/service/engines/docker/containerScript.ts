const assignable = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const readOnly = /^(BASHOPTS|BASH_VERSINFO|EUID|PPID|SHELLOPTS|UID)$/;

/**
 * The first process of a container: prepares what the supervisor needs, and becomes it. Started as
 * `bash -p -c SCRIPT batchai-supervisor FOLDER SUPERVISOR RARE OWNER DIRECTORY...`.
 *
 * The variables of the run are in the file `environment` of its folder, as NAME=VALUE that end in NUL, because everybody
 * who may inspect containers sees what is in their configuration. The file is emptied and removed before anything
 * else runs. An image may lack `rm`. The names of `env` are not in the file: bash cannot assign to them, and `env` shows
 * its arguments, so they are checked before the start and are no secrets.
 *
 * A container that is started again after the end of its run hands the files of root over to OWNER, `UID:GID`: neither
 * through links, nor in other file systems. Empty: nothing is handed over.
 */
export const containerScript = `
cd -- "$1" || exit 1
exec < /dev/null > /dev/null 2>&1

if [[ -e exit.json ]]; then
  [[ $4 ]] || exit 0
  command -p find "\${@:5}" -xdev -user 0 -exec chown -h -- "$4" {} +
  (( $? == 127 )) && command -p chown -hR --from=0 -- "$4" "\${@:5}"
  exit 0
fi

batchai_pairs=()
while IFS= read -r -d '' batchai_pair; do batchai_pairs+=("$batchai_pair"); done < environment || exit 1
: > environment || exit 1
command -p rm -f environment

batchai_odd=()
for batchai_pair in "\${batchai_pairs[@]}"; do
  batchai_name=\${batchai_pair%%=*}
  if [[ $batchai_name =~ ${assignable.source} && ! $batchai_name =~ ${readOnly.source} ]]; then
    export "$batchai_pair"
  else
    batchai_odd+=("$batchai_pair")
  fi
done
(( \${#batchai_odd[@]} )) && exec "$(command -pv env)" -- "\${batchai_odd[@]}" "$BASH" -p -c "$2" batchai-supervisor "$1" "$3"
exec "$BASH" -p -c "$2" batchai-supervisor "$1" "$3"
`;

/** Whether bash can assign to a variable, and so pass its value on without showing it to anybody. */
export function isAssignable(name: string): boolean {
  return assignable.test(name) && !readOnly.test(name);
}
