import type { FastifyInstance, FastifyReply } from "fastify";
import { resourceGroupId } from "../../../wire/resourceIds.ts";
import { resourceGroup, type ResourceGroup, resourceGroupUpdate } from "../../state/resourceGroup.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { Store } from "../../state/store.ts";
import { originOf, resourceBody, resourcePage, retryAfter } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError } from "../errors.ts";
import { refuseWhileDeleting, resourceGroupOf } from "../resourcesInPath.ts";
import { bodyIn, checkLocation, checkResourceGroupName, resourceGroupIn } from "../parameters.ts";
import { resourceGroupPath, subscriptionPath } from "./paths.ts";

/** Resource groups: the part of Azure Resource Manager that its own client needs to create, find and delete them. */
export function resourceGroupRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store, subscriptionId, scheduler } = context;

  app.get(`${subscriptionPath}/resourceGroups`, (request: ArmRequest) =>
    resourcePage(context, request, "resourceGroups"),
  );

  app.get(resourceGroupPath, (request: ArmRequest) => resourceBody(resourceGroupOf(context, request)));

  app.head(resourceGroupPath, (request: ArmRequest, reply) => {
    const exists = store.resources.find("resourceGroups", resourceGroupId(subscriptionId, resourceGroupIn(request)));
    return reply.code(exists ? 204 : 404).send();
  });

  app.put(resourceGroupPath, (request: ArmRequest, reply) => {
    const name = resourceGroupIn(request);
    const parameters = bodyIn(context, request, resourceGroup);
    checkLocation(parameters.location);
    const id = resourceGroupId(subscriptionId, name);
    const found = store.resources.find("resourceGroups", id);
    if (found) return resourceBody(recreate(context, found, parameters));
    return reply.code(201).send(resourceBody(create(store, id, name, parameters)));
  });

  app.patch(resourceGroupPath, (request: ArmRequest) => {
    const found = resourceGroupOf(context, request);
    refuseWhileDeleting(found);
    const { tags } = bodyIn(context, request, resourceGroupUpdate);
    return resourceBody(store.resources.write(found, { ...found.model, ...(tags ? { tags } : {}) }));
  });

  app.delete(resourceGroupPath, (request: ArmRequest, reply) => {
    const found = resourceGroupOf(context, request);
    const operation = store.transaction(() => {
      const started = store.operations.begin("delete", found.model.id ?? found.key, found.model.location);
      scheduler.delete(found);
      return started;
    });
    return accepted(request, reply, operation.id);
  });

  app.get(`${subscriptionPath}/operationresults/:operationId`, (request: ArmRequest, reply) => {
    const operation = store.operations.find(request.params.operationId ?? "");
    if (!operation) throw new ArmError("OperationNotFound", "The operation does not exist.");
    return operation.status === "InProgress" ? accepted(request, reply, operation.id) : reply.code(200).send();
  });

  /** Clients poll operations of Azure Resource Manager only at `Location`, which returns 202 until they end. */
  function accepted(request: ArmRequest, reply: FastifyReply, operationId: string): FastifyReply {
    const operation = store.operations.find(operationId);
    const version = encodeURIComponent(String(request.query["api-version"]));
    const path = `/subscriptions/${subscriptionId}/operationresults/${operationId}?api-version=${version}`;
    return reply
      .code(202)
      .header("location", originOf(request) + path)
      .headers(operation ? retryAfter(operation) : {})
      .send();
  }
}

/**
 * Creates a resource group if it does not exist.
 * @throws ArmError if the name is not valid.
 */
export function ensureResourceGroup(store: Store, subscriptionId: string, name: string): void {
  checkResourceGroupName(name);
  const id = resourceGroupId(subscriptionId, name);
  if (!store.resources.find("resourceGroups", id)) create(store, id, name, { location: "local" });
}

function create(store: Store, id: string, name: string, parameters: ResourceGroup): StoredResource<"resourceGroups"> {
  return store.resources.insert("resourceGroups", {
    id,
    requestDigest: "",
    model: { id, name, type: "Microsoft.Resources/resourceGroups", ...parameters, provisioningState: "Succeeded" },
  });
}

/** Replaces the tags of a resource group that exists. Its region cannot change. */
function recreate(
  { store }: ArmContext,
  found: StoredResource<"resourceGroups">,
  parameters: ResourceGroup,
): StoredResource<"resourceGroups"> {
  refuseWhileDeleting(found);
  if (parameters.location.toLowerCase() !== found.model.location.toLowerCase()) {
    throw new ArmError(
      "InvalidResourceGroupLocation",
      `Resource group '${found.model.name ?? ""}' already exists in location '${found.model.location}'; it cannot be moved.`,
      { target: "location" },
    );
  }
  return store.resources.write(found, { ...found.model, tags: parameters.tags });
}
