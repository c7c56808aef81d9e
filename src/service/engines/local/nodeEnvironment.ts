/** Variables that jobs inherit from the environment of the service; all others stay private to the service. */
const inherited = /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|USER|LOGNAME|SHELL|TMPDIR|LD_LIBRARY_PATH)$/;

const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Returns the variables that the nodes of this machine set for every job. */
export function nodeEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && inherited.test(entry[0]);
  });
  return { PATH: standardPath, ...Object.fromEntries(kept) };
}
