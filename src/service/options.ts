import type { Logger } from "./logger.ts";
import type { GpuChoice } from "./nodes/gpuChoice.ts";
import type { NodeTypeOptions } from "./nodes/ownNodeTypes.ts";

/** Options of `BatchAIService.start`. */
export interface BatchAIServiceOptions {
  /** Folder for all state: resources, secrets, shares, runs. Created if it does not exist; one service per folder. */
  readonly dataDir: string;
  /** Port of the Batch AI API. Default: 0, any free port. */
  readonly port?: number;
  /** Port of the file shares. Default: 0, any free port. */
  readonly filesPort?: number;
  /** Address to listen on; only loopback addresses are allowed. Default: `127.0.0.1`. */
  readonly host?: string;
  /**
   * Origins of web pages that may call the API from a browser, such as `http://127.0.0.1:3000`. They need the token, like
   * every client. Default: none.
   */
  readonly allowedOrigins?: readonly string[];
  /** ID of the subscription that the service has; stored in the data folder. Default: a new GUID at the first start. */
  readonly subscriptionId?: string;
  /** Names of resource groups that exist from the start, in region `local`. Default: none. */
  readonly resourceGroups?: readonly string[];
  /** Name of the hosted storage account: 3 to 24 lowercase letters and digits. Default: `batchaistorage`. */
  readonly storageAccountName?: string;
  /**
   * Folder for the mounts and scratch folders of jobs, without blanks in its path. Each data folder has a folder of its
   * own in it. Default: `$XDG_STATE_HOME/batchai`, else `/var/lib/batchai` for root and `~/.local/state/batchai` for
   * other users.
   */
  readonly mountRoot?: string;
  /**
   * Folder that nodes of Slurm see at the same path as this machine, without blanks in its path. It contains everything that
   * jobs see: their runs, shares, file servers and, unless `mountRoot` is set, mount roots. The rest stays in `dataDir`, which
   * must be on a local disk. Each data folder needs a folder of its own. Created if it does not exist. Default: none, all is in
   * `dataDir`.
   */
  readonly sharedDir?: string;
  /**
   * End of the host names of storage accounts that the service does not host, with a port if it is not 443. Blob
   * containers are at `https://ACCOUNT.blob.SUFFIX`. Default: `core.windows.net`.
   */
  readonly storageSuffix?: string;
  /** Time that mounting a volume may take, in milliseconds; at least 1. Default: 60,000. */
  readonly mountTimeoutInMs?: number;
  /**
   * Time that a volume has to write pending changes when it is unmounted, in milliseconds; at least 1. Default: 60,000.
   */
  readonly flushTimeoutInMs?: number;
  /**
   * Node types to add to Azure's VM sizes, or to change, by the names that clusters have as `vmSize`, in any case. A string
   * is the path of a JSON file that contains such an object. Default: none.
   */
  readonly nodeTypes?: string | Readonly<Record<string, NodeTypeOptions>>;
  /**
   * GPUs of this machine that jobs can get: `all`, `none`, or a list of their indexes in the order of their PCI bus IDs.
   * Default: `all`.
   */
  readonly gpus?: GpuChoice;
  /** Time from one look at the GPUs to the next, in milliseconds; at least 1. Default: 10,000. */
  readonly gpuPollingIntervalInMs?: number;
  /** Runs jobs that have `containerSettings` directly on this machine, without their container. Default: false. */
  readonly ignoreContainerSettings?: boolean;
  /**
   * Container engine for jobs that have `containerSettings`: `auto` for Docker or podman at the usual places, `none`, or
   * the address of a socket, `unix:///PATH`. Default: `auto`.
   */
  readonly containerEngine?: string;
  /**
   * Variables that every job and setup task gets, such as `HTTP_PROXY`, by name. A job that sets such a variable itself
   * keeps its own value. Names that begin with `AZ_BATCHAI_`, `AZ_BATCH_` or `BATCHAI_` are reserved. Default: none.
   */
  readonly jobEnvironment?: Readonly<Record<string, string>>;
  /**
   * Whether each run has an empty `HOME` of its own, which is kept from the preparation to the end of the job. Default:
   * false, jobs use the home folder of the user of the service.
   */
  readonly privateHome?: boolean;
  /** Idle time after which a node of an automatically scaled cluster is removed, in milliseconds. Default: 60,000. */
  readonly autoScaleIdleTimeInMs?: number;
  /**
   * Pause before the service replaces the unusable nodes of a cluster, in milliseconds. It doubles with each further
   * failure, up to 5 minutes. Default: 10,000.
   */
  readonly nodeReplacementDelayInMs?: number;
  /** Time that a stopped job has to end by itself before it is killed, in milliseconds. Default: 5,000. */
  readonly gracePeriodInMs?: number;
  /**
   * Time in milliseconds that `close` waits for active requests before it closes their connections, for the API and for
   * the file shares. Default: 30,000.
   */
  readonly graceInMs?: number;
  /** Receiver of log messages; a pino logger fits. Default: nothing is logged. */
  readonly logger?: Logger;
}
