import type { FastifyRequest } from "fastify";
import type { FilesService } from "../../files/index.ts";
import type { Logger } from "../logger.ts";
import type { MachineGpus } from "../nodes/gpus.ts";
import type { NodeTypes } from "../nodes/nodeTypes.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Store } from "../state/store.ts";

/** The parts of the service that the routes work with. */
export interface ArmContext {
  readonly subscriptionId: string;
  readonly token: string;
  readonly store: Store;
  readonly scheduler: Scheduler;
  readonly files: FilesService;
  readonly nodeTypes: NodeTypes;
  readonly gpus: MachineGpus;
  /** End of the host names of storage accounts that the service does not host. */
  readonly storageSuffix: string;
  readonly logger: Logger;
}

/** A request, with the path and query parameters that the routes read. */
export type ArmRequest = FastifyRequest<{
  Params: Record<string, string | undefined>;
  Querystring: Record<string, string | string[] | undefined>;
}>;
