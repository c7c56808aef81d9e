import type { ContainerDaemon } from "../../containers/daemons.ts";
import type { Caller } from "../caller.ts";
import type { Clients } from "../clients.ts";
import type { Ledger } from "../ledger.ts";
import type { Random } from "../random.ts";
import type { Report } from "../report.ts";
import type { SlurmSide } from "../slurmSide.ts";
import type { Stage } from "../stage.ts";
import type { Subject } from "../subject.ts";

/** Everything that disturbances and oracles act on. */
export interface World {
  readonly stage: Stage;
  readonly subject: Subject;
  readonly caller: Caller;
  readonly clients: Clients;
  readonly ledger: Ledger;
  readonly report: Report;
  /** Container engine of the run. Absent: all jobs are processes. */
  readonly daemon?: ContainerDaemon | undefined;
  /** Slurm that all jobs of the run are in. Absent: they are on this machine. */
  readonly slurm?: SlurmSide | undefined;
}

/** Ends a disturbance. */
export type Withdraw = () => void | Promise<void>;

/** Something that happens to a service. */
export interface Disturbance {
  readonly name: string;
  /** Whether nothing else may happen at the same time. */
  readonly alone?: boolean;
  /** Returns why it is not possible here; undefined if it is. */
  readonly obstacle?: (stage: Stage) => string | undefined;
  /** Applies it. Returns how to withdraw it. */
  readonly apply: (world: World, random: Random) => Promise<Withdraw> | Withdraw;
}

/** Withdraws a disturbance that is over as soon as it has been applied. */
export const nothing: Withdraw = () => undefined;
