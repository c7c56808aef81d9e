import type { FastifyInstance } from "fastify";
import type { Workspace, WorkspaceCreateParameters } from "../../../models/workspace.ts";
import { workspaceCreateParameters, workspaceUpdateParameters } from "../../../wire/tables/workspace.ts";
import type { StoredResource } from "../../state/resources.ts";
import { resourcePage, sendResource } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { sendDeletion } from "./deletion.ts";
import { ArmError } from "../errors.ts";
import { refuseWhileDeleting, resourceGroupOf, workspaceIdOf, workspaceOf } from "../resourcesInPath.ts";
import { bodyIn, checkLocation, nameIn } from "../parameters.ts";
import { subscriptionPath, workspacePath, workspacesPath } from "./paths.ts";

/** The operation group Workspaces. */
export function workspaceRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store } = context;

  app.get(`${subscriptionPath}/providers/Microsoft.BatchAI/workspaces`, (request: ArmRequest) =>
    resourcePage(context, request, "workspaces"),
  );

  app.get(workspacesPath, (request: ArmRequest) =>
    resourcePage(context, request, "workspaces", resourceGroupOf(context, request).key),
  );

  app.get(workspacePath, (request: ArmRequest, reply) => sendResource(reply, workspaceOf(context, request)));

  app.put(workspacePath, (request: ArmRequest, reply) => {
    const id = workspaceIdOf(context, request);
    const group = resourceGroupOf(context, request);
    refuseWhileDeleting(group);
    const parameters = bodyIn(context, request, workspaceCreateParameters);
    checkLocation(parameters.location);
    const found = store.resources.find("workspaces", id);
    if (found) return sendResource(reply, recreate(context, found, parameters));
    const now = new Date();
    const model: Workspace = {
      id,
      name: nameIn(request, "workspaceName"),
      type: "Microsoft.BatchAI/workspaces",
      ...parameters,
      creationTime: now,
      provisioningState: "succeeded",
      provisioningStateTransitionTime: now,
    };
    return sendResource(
      reply,
      store.resources.insert("workspaces", { id, parent: group.key, requestDigest: "", model }),
    );
  });

  app.patch(workspacePath, (request: ArmRequest, reply) => {
    const found = workspaceOf(context, request);
    refuseWhileDeleting(found);
    const { tags } = bodyIn(context, request, workspaceUpdateParameters);
    return sendResource(reply, tags ? store.resources.write(found, { ...found.model, tags }) : found);
  });

  app.delete(workspacePath, (request: ArmRequest, reply) => {
    resourceGroupOf(context, request);
    return sendDeletion(context, request, reply, store.resources.find("workspaces", workspaceIdOf(context, request)));
  });
}

/** Replaces the tags of a workspace that exists, if the request has any. Its region cannot change. */
function recreate(
  { store }: ArmContext,
  found: StoredResource<"workspaces">,
  { location, tags }: WorkspaceCreateParameters,
): StoredResource<"workspaces"> {
  refuseWhileDeleting(found);
  if (location.toLowerCase() !== found.model.location?.toLowerCase()) {
    throw new ArmError(
      "InvalidResourceLocation",
      `The workspace ${found.model.name} already exists in location '${found.model.location ?? ""}'; it cannot be moved.`,
      { target: "location" },
    );
  }
  const changed = JSON.stringify(tags ?? {}) !== JSON.stringify(found.model.tags ?? {});
  return changed ? store.resources.write(found, { ...found.model, tags }) : found;
}
