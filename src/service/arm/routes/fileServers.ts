import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Cluster } from "../../../models/cluster.ts";
import type { FileServer, FileServerCreateParameters } from "../../../models/fileServer.ts";
import { fileServerCreateParameters } from "../../../wire/fileServer.ts";
import { secretsOf, withoutSecrets } from "../../../wire/secrets.ts";
import { keyOf, resourceGroupId } from "../../../wire/resourceIds.ts";
import { accountIssues } from "../checks/accounts.ts";
import { answerAccepted, answerList, answerResource, refuseWhileDeleting } from "../answers.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { createdBefore, fingerprintOf } from "../sameRequest.ts";
import { answerDeletion } from "./deletion.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import { locationOf, workspaceChildId, workspaceChildOf, workspaceOf } from "../resourcesInPath.ts";
import { bodyIn, nameIn } from "../parameters.ts";
import { workspacePath } from "./paths.ts";

/** The operation group FileServers. A file server is a folder of this machine, as nodes are slots of it. */
export function fileServerRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store, subscriptionId } = context;
  const fileServers = `${workspacePath}/fileServers`;
  const fileServer = `${fileServers}/:fileServerName`;

  app.get(fileServers, (request: ArmRequest) =>
    answerList(context, request, "fileServers", workspaceOf(context, request).key),
  );

  app.get(fileServer, (request: ArmRequest, reply) =>
    answerResource(reply, workspaceChildOf(context, request, "fileServers")),
  );

  app.put(fileServer, (request: ArmRequest, reply) => {
    const id = workspaceChildId(context, request, "fileServers");
    const workspace = workspaceOf(context, request);
    refuseWhileDeleting(workspace);
    const parameters = bodyIn(request, fileServerCreateParameters);
    const issues = accountIssues(
      parameters.sshConfiguration.userAccountSettings,
      "properties.sshConfiguration.userAccountSettings",
    );
    if (issues.length > 0) throw invalidParameter(issues);
    const fingerprint = fingerprintOf(context, parameters);
    const found = createdBefore(context, "fileServers", id, fingerprint);
    if (found) return answerResource(reply, found);
    const operation = store.transaction(() => {
      const model = fileServerFrom(parameters, id, nameIn(request, "fileServerName"), subscriptionId);
      const created = store.resources.insert("fileServers", { id, parent: workspace.key, fingerprint, model });
      store.vault.put(created.key, secretsOf(fileServerCreateParameters, parameters));
      return store.operations.record("create", id, locationOf(store, created));
    });
    return answerAccepted(request, reply, subscriptionId, operation);
  });

  app.delete(fileServer, (request: ArmRequest, reply) => {
    workspaceOf(context, request);
    const found = store.resources.find("fileServers", workspaceChildId(context, request, "fileServers"));
    const user = found && store.resources.list("clusters").find(({ model }) => mounts(model, found.key));
    if (user) {
      const message = `The file server is mounted by cluster ${user.model.name ?? ""}. Delete that cluster first.`;
      throw new ArmError("Conflict", message);
    }
    return answerDeletion(context, request, reply, found);
  });
}

function mounts({ nodeSetup }: Cluster, fileServerKey: string): boolean {
  return (nodeSetup?.mountVolumes?.fileServers ?? []).some(({ fileServer }) => keyOf(fileServer.id) === fileServerKey);
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
    mountSettings: { mountPoint: "/data", fileServerPublicIP: "127.0.0.1", fileServerInternalIP: "127.0.0.1" },
    creationTime: now,
    provisioningState: "succeeded",
    provisioningStateTransitionTime: now,
  };
}

/** The service always made a network for a file server that was given none; clusters that mount it show its subnet. */
function newSubnetId(subscriptionId: string): string {
  const group = resourceGroupId(subscriptionId, `fileserverrg-${randomUUID()}`);
  return `${group}/providers/Microsoft.Network/virtualNetworks/${randomUUID()}vnet/subnets/Subnet-1`;
}
