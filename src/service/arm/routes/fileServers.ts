import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { FileServer, FileServerCreateParameters } from "../../../models/fileServer.ts";
import { fileServerCreateParameters } from "../../../wire/tables/fileServer.ts";
import { secretsOf, withoutSecrets } from "../../../wire/secrets.ts";
import { keyOf, resourceGroupId } from "../../../wire/resourceIds.ts";
import { loopbackAddress } from "../../nodes/machine.ts";
import { accountIssues } from "../checks/accounts.ts";
import { resourcesNeededBy } from "../../volumes/volumes.ts";
import { resourcePage, sendAccepted, sendResource } from "../responses.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { createdBefore, requestDigest } from "../sameRequest.ts";
import { sendDeletion } from "./deletion.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import {
  locationOf,
  refuseWhileDeleting,
  workspaceChildId,
  workspaceChildOf,
  workspaceOf,
} from "../resourcesInPath.ts";
import { bodyIn, nameIn } from "../parameters.ts";
import { workspacePath } from "./paths.ts";

/** The operation group FileServers. A file server is a folder on this machine, as nodes are slots on it. */
export function fileServerRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store, subscriptionId } = context;
  const fileServers = `${workspacePath}/fileServers`;
  const fileServer = `${fileServers}/:fileServerName`;

  app.get(fileServers, (request: ArmRequest) =>
    resourcePage(context, request, "fileServers", workspaceOf(context, request).key),
  );

  app.get(fileServer, (request: ArmRequest, reply) =>
    sendResource(reply, workspaceChildOf(context, request, "fileServers")),
  );

  app.put(fileServer, (request: ArmRequest, reply) => {
    const id = workspaceChildId(context, request, "fileServers");
    const workspace = workspaceOf(context, request);
    refuseWhileDeleting(workspace);
    const parameters = bodyIn(context, request, fileServerCreateParameters);
    const issues = accountIssues(
      parameters.sshConfiguration.userAccountSettings,
      "properties.sshConfiguration.userAccountSettings",
    );
    if (issues.length > 0) throw invalidParameter(issues);
    const digest = requestDigest(context, parameters);
    const found = createdBefore(context, "fileServers", id, digest);
    if (found) return sendResource(reply, found);
    const operation = store.transaction(() => {
      const model = fileServerFrom(parameters, id, nameIn(request, "fileServerName"), subscriptionId);
      const created = store.resources.insert("fileServers", {
        id,
        parent: workspace.key,
        requestDigest: digest,
        model,
      });
      store.vault.put(created.key, secretsOf(fileServerCreateParameters, parameters));
      return store.operations.record("create", id, locationOf(store, created));
    });
    return sendAccepted(request, reply, subscriptionId, operation);
  });

  app.delete(fileServer, (request: ArmRequest, reply) => {
    workspaceOf(context, request);
    const found = store.resources.find("fileServers", workspaceChildId(context, request, "fileServers"));
    const user = found && store.resources.list("clusters").find((cluster) => needs(cluster, found));
    if (user) {
      const message = `The file server is mounted by cluster ${user.model.name}. Delete that cluster first.`;
      throw new ArmError("Conflict", message);
    }
    return sendDeletion(context, request, reply, found);
  });
}

function needs({ model }: StoredResource<"clusters">, fileServer: StoredResource<"fileServers">): boolean {
  const needed = resourcesNeededBy(model.nodeSetup?.mountVolumes, "properties.nodeSetup.mountVolumes");
  return needed.some(({ id }) => keyOf(id) === fileServer.key);
}

function fileServerFrom(
  parameters: FileServerCreateParameters,
  id: string,
  name: string,
  subscriptionId: string,
): FileServer {
  const now = new Date();
  return {
    id,
    name,
    type: "Microsoft.BatchAI/workspaces/fileservers",
    ...withoutSecrets(fileServerCreateParameters, parameters),
    subnet: parameters.subnet ?? { id: newSubnetId(subscriptionId) },
    mountSettings: { mountPoint: "/data", fileServerPublicIP: loopbackAddress, fileServerInternalIP: loopbackAddress },
    creationTime: now,
    provisioningState: "succeeded",
    provisioningStateTransitionTime: now,
  };
}

/** The real service created a network for a file server without one; clusters that mount it show its subnet. */
function newSubnetId(subscriptionId: string): string {
  const group = resourceGroupId(subscriptionId, `fileserverrg-${randomUUID()}`);
  return `${group}/providers/Microsoft.Network/virtualNetworks/${randomUUID()}vnet/subnets/Subnet-1`;
}
