import type { FastifyReply } from "fastify";
import type { StoredResource } from "../../state/resources.ts";
import { sendAccepted } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { locationOf } from "../resourcesInPath.ts";

/** Sends 204 if the resource does not exist, else 202 with an operation that ends when everything in it is deleted. */
export function sendDeletion(
  context: ArmContext,
  request: ArmRequest,
  reply: FastifyReply,
  resource: StoredResource | undefined,
): FastifyReply {
  if (!resource) return reply.code(204).send();
  const { store, scheduler, subscriptionId } = context;
  const operation = store.transaction(() => {
    const started = store.operations.begin("delete", resource.model.id ?? resource.key, locationOf(store, resource));
    scheduler.delete(resource);
    return started;
  });
  return sendAccepted(request, reply, subscriptionId, operation);
}
