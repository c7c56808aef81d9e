import type { DataFolders } from "../dataFolders.ts";
import type { Engines } from "../engines/engines.ts";
import type { ServiceVariables } from "../launch/serviceVariables.ts";
import type { MachineGpus } from "../nodes/gpus.ts";
import type { NodeTypes } from "../nodes/nodeTypes.ts";
import type { Logger } from "../logger.ts";
import type { Store } from "../state/store.ts";
import type { VolumeHost } from "../volumes/volume.ts";

/** The parts of the service that the scheduler works with. */
export interface SchedulerContext {
  readonly store: Store;
  readonly engines: Engines;
  readonly volumes: VolumeHost;
  readonly folders: DataFolders;
  readonly nodeTypes: NodeTypes;
  readonly gpus: MachineGpus;
  readonly logger: Logger;
  /** Idle time after which a node of an automatically scaled cluster is removed, in milliseconds. */
  readonly autoScaleIdleTimeInMs: number;
  /** Pause before the unusable nodes of a cluster are replaced, in milliseconds. It doubles with each further failure. */
  readonly nodeReplacementDelayInMs: number;
  /** Time after which a run that is being stopped loses its volumes, in milliseconds: its processes may wait for them. */
  readonly stopLimitInMs: number;
  /** Variables that every job and setup task gets. */
  readonly serviceVariables: ServiceVariables;
  /** Whether jobs with `containerSettings` run directly on the host. */
  readonly ignoreContainerSettings: boolean;
}
