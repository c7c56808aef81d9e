import type { FastifyInstance } from "fastify";
import type { ArmContext, ArmRequest } from "./context.ts";
import { ArmError } from "./errors.ts";
import { workspaceOf } from "./lookups.ts";
import { nameIn } from "./parameters.ts";

/** The operation group FileServers: there are none yet, so nothing can be found and none can be created. */
export function fileServerRoutes(app: FastifyInstance, context: ArmContext): void {
  const fileServers =
    "/subscriptions/:subscriptionId/resourceGroups/:resourceGroupName/providers/Microsoft.BatchAI/workspaces/:workspaceName/fileServers";
  const fileServer = `${fileServers}/:fileServerName`;

  app.get(fileServers, (request: ArmRequest) => {
    workspaceOf(context, request);
    return { value: [] };
  });

  app.get(fileServer, (request: ArmRequest) => {
    workspaceOf(context, request);
    const name = nameIn(request, "fileServerName");
    throw new ArmError("FileServerNotFound", `The specified file server ${name} is not found`);
  });

  app.put(fileServer, (request: ArmRequest) => {
    workspaceOf(context, request);
    nameIn(request, "fileServerName");
    throw new ArmError(
      "NotSupported",
      "This service cannot create file servers yet. Keep data on a file share and mount it by azureFileShares.",
      { target: "fileServers" },
    );
  });

  app.delete(fileServer, (request: ArmRequest, reply) => {
    workspaceOf(context, request);
    nameIn(request, "fileServerName");
    return reply.code(204).send();
  });
}
