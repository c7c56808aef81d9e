import type { Agent } from "@azure/core-rest-pipeline";

/** An agent of Node.js, with the parts that this package uses. */
export interface NodeAgent extends Agent {
  /** Idle connections, by names that begin with `HOST:PORT:`. */
  readonly freeSockets: Readonly<Record<string, readonly { destroy(): void }[] | undefined>>;
}

/** Modules of Node.js, with the parts that this package uses. Their names have no `node:`, which bundlers look for. */
interface NodeModules {
  http: { Agent: new (options: object) => NodeAgent };
  https: { Agent: new (options: object) => NodeAgent };
  fs: { readFileSync(path: string | URL, encoding: "utf8"): string };
}

/** The global `process` of Node.js, Bun, Deno and some workers. Browsers have none. */
interface Platform {
  process?: {
    getBuiltinModule?(name: string): unknown;
    emitWarning?(warning: string, options: { type: string; code: string }): void;
  };
}

function platform(): Platform {
  return globalThis;
}

/** Returns a module of Node.js; `undefined` if the platform does not have it. Not an import, which browsers reject. */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return platform().process?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/** Prints a warning of this package, once the platform gets to it: as a process warning, or on the console. */
export function warn(message: string, code: string): void {
  const { process } = platform();
  if (process?.emitWarning) process.emitWarning(message, { type: "BatchAIWarning", code });
  // eslint-disable-next-line no-console -- the only place for warnings where there is no `process`
  else console.warn(`BatchAIWarning [${code}]: ${message}`);
}
