import { InvalidArgumentError } from "commander";
import { errorCode } from "../ground/systemErrors.ts";

/** Resolves when the process receives SIGINT or SIGTERM. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => {
      resolve();
    });
    process.once("SIGTERM", () => {
      resolve();
    });
  });
}

/** Parses a port number. Throws the error that the command line prints. */
export function portNumber(text: string): number {
  return wholeNumber(65535)(text);
}

/** Returns a parser of whole numbers up to `most`, which throws the error that the command line prints. */
export function wholeNumber(most: number, least = 0): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
    }
    return number;
  };
}

/** Parses `all`, `none`, or a list of indexes such as `0,2`. Throws the error that the command line prints. */
export function gpuIndexes(text: string): "all" | "none" | number[] {
  if (text === "all" || text === "none") return text;
  if (/^\d{1,4}(,\d{1,4})*$/.test(text)) return text.split(",").map(Number);
  throw new InvalidArgumentError("It must be all, none, or indexes of GPUs with commas between them, such as 0,2.");
}

/**
 * Adds a variable to those of earlier options. Throws the error that the command line prints.
 * @param text - `NAME=VALUE`, or `NAME` for the value in the environment of this process.
 */
export function jobVariable(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const [name = ""] = text.split("=", 1);
  const value = text.length > name.length ? text.slice(name.length + 1) : process.env[name];
  if (value === undefined) {
    throw new InvalidArgumentError(`${name} is not set in this environment. Set it, or write ${name}=VALUE.`);
  }
  return { ...earlier, [name]: value };
}

/**
 * Starts something that listens on ports. If another process uses one of them, the error names the option.
 * @param ports - Port numbers by their option.
 */
export async function explainingPorts<T>(ports: Readonly<Record<string, number>>, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const port = portInUse(error);
    const options = Object.keys(ports).filter((option) => ports[option] === port);
    if (options.length === 0) throw error;
    const remedy = `Choose another port with ${options.join(" or ")}.`;
    throw new Error(`Cannot listen on port ${String(port)}: another process uses it. ${remedy}`, { cause: error });
  }
}

/** Returns the port that another process uses, if that is the reason of an error. */
function portInUse(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  if (errorCode(error) === "EADDRINUSE" && "port" in error) return error.port;
  return portInUse(error.cause);
}
