import type { Engine } from "../engines/engine.ts";
import type { Logger } from "../logger.ts";
import type { Store } from "../state/store.ts";
import type { VolumeHost } from "../volumes/volume.ts";

/** What the scheduler works with. */
export interface SchedulerContext {
  readonly store: Store;
  readonly engine: Engine;
  readonly volumes: VolumeHost;
  readonly dataDir: string;
  readonly logger: Logger;
  /** How long a node of an automatically scaled cluster stays idle before it leaves, in milliseconds. */
  readonly autoScaleIdleTimeInMs: number;
  /** Whether jobs with `containerSettings` run directly on the host. */
  readonly ignoreContainerSettings: boolean;
}
