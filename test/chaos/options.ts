import { parseArgs } from "node:util";
import { type DaemonName, daemonNames } from "../containers/daemons.ts";

/** Options of `npm run chaos`. */
export interface ChaosOptions {
  readonly seed: number;
  /** The run ends after this many kills. */
  readonly kills: number;
  /** The run ends after this time. */
  readonly minutes: number;
  /** Whether to run the built service in `dist`. If false, Node.js runs the sources. */
  readonly built: boolean;
  /** Whether to continue after an oracle was hurt. */
  readonly keepGoing: boolean;
  /** Names of the disturbances to choose from. Empty: all. */
  readonly only: readonly string[];
  /** Names of the kinds of jobs to choose from. Empty: all. */
  readonly jobs: readonly string[];
  /** Container engine that most jobs use and that the run kills too. Absent: all jobs are processes. */
  readonly containers?: DaemonName | undefined;
  /** Whether all jobs run on a Slurm that the run starts and disturbs too. */
  readonly slurm: boolean;
}

export const usage = `npm run chaos -- [options]

  --seed N          choices of the run; default: a random number, which is printed
  --kills N         end after this many kills; default: 1000
  --minutes M       end after this time; default: 60
  --short           the form for CI: 60 kills, at most 1.5 minutes, with Slurm 0.5, each disturbance in turn
  --built           run the service in dist/ instead of the sources
  --keep-going      continue after a failure
  --only NAME,...   choose from these disturbances only
  --jobs NAME,...   choose from these kinds of jobs only
  --containers NAME run most jobs in containers of docker or podman, and kill it too; needs root
  --slurm           run all jobs on a Slurm of four nodes, and kill it too; needs root
`;

/** Reads the command line. Throws an error if it is not valid. */
export function readOptions(args: readonly string[]): ChaosOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      kills: { type: "string" },
      minutes: { type: "string" },
      short: { type: "boolean", default: false },
      built: { type: "boolean", default: false },
      "keep-going": { type: "boolean", default: false },
      only: { type: "string" },
      jobs: { type: "string" },
      containers: { type: "string" },
      slurm: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  if (values.slurm && values.containers !== undefined) throw new Error("Choose --slurm or --containers.");
  return {
    seed: positive("seed", values.seed) ?? Math.floor(Math.random() * 1_000_000) + 1,
    kills: positive("kills", values.kills) ?? (values.short ? 60 : 1000),
    minutes: positive("minutes", values.minutes) ?? (values.short ? shortMinutes(values.slurm) : 60),
    built: values.built,
    keepGoing: values["keep-going"],
    only: values.only?.split(",") ?? [],
    jobs: values.jobs?.split(",") ?? [],
    containers: daemonOf(values.containers),
    slurm: values.slurm,
  };
}

/** A scenario with Slurm may take half a minute after this time. */
function shortMinutes(slurm: boolean): number {
  return slurm ? 0.5 : 1.5;
}

function daemonOf(text: string | undefined): DaemonName | undefined {
  if (text === undefined) return undefined;
  const name = daemonNames.find((each) => each === text);
  if (name === undefined) throw new Error(`--containers must be ${daemonNames.join(" or ")}, got ${text}`);
  return name;
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} must be a positive number, got ${text}`);
  return number;
}
