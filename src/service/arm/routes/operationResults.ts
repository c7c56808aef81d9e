import type { FastifyInstance } from "fastify";
import { dateTime, model, onlyOneOf, readOnly, string } from "../../../wire/schema.ts";
import { serialize } from "../../../wire/serialize.ts";
import type { Operation } from "../../state/operations.ts";
import { originOf, retryAfter } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError } from "../errors.ts";
import { subscriptionPath } from "./paths.ts";

/** The two URLs of an asynchronous operation: `operationresults` returns its state, `operationstatuses` is for polling. */
export function operationResultRoutes(app: FastifyInstance, { store }: ArmContext): void {
  const location = `${subscriptionPath}/providers/Microsoft.BatchAI/locations/:location`;

  const operationOf = (request: ArmRequest): Operation => {
    const operation = store.operations.find(request.params.operationId ?? "");
    if (!operation)
      throw new ArmError(
        "OperationNotFound",
        "The operation does not exist. Operations are kept for a day after they end.",
      );
    return operation;
  };

  app.get(`${location}/operationresults/:operationId`, (request: ArmRequest, reply) => {
    const operation = operationOf(request);
    if (operation.status === "InProgress") void reply.headers(retryAfter(operation));
    const { origin, pathname } = urlOf(request);
    return serialize(operationResult, {
      id: origin + pathname,
      name: operation.id,
      status: operation.status,
      startTime: operation.started,
      endTime: operation.ended,
      resourceId: operation.ended && operation.reference,
    });
  });

  app.get(`${location}/operationstatuses/:operationId`, (request: ArmRequest, reply) => {
    const operation = operationOf(request);
    if (operation.status !== "InProgress") return reply.code(200).send();
    return reply
      .code(202)
      .headers({ ...retryAfter(operation), location: urlOf(request).toString() })
      .send();
  });
}

function urlOf(request: ArmRequest): URL {
  return new URL(request.url, originOf(request));
}

interface OperationResult {
  readonly id?: string;
  readonly name?: string;
  readonly status?: "InProgress" | "Succeeded";
  readonly startTime?: Date;
  readonly endTime?: Date;
  readonly resourceId?: string;
}

const operationResult = model<OperationResult>("OperationResult", {
  id: readOnly("id", string),
  name: readOnly("name", string),
  status: readOnly("status", onlyOneOf("InProgress", "Succeeded")),
  startTime: readOnly("startTime", dateTime),
  endTime: readOnly("endTime", dateTime),
  resourceId: readOnly("properties.resourceId", string),
});
