import type { ServiceContext } from "../http/context.ts";
import type { ResourceId } from "../models/resource.ts";
import { idOf } from "./paths.ts";

/**
 * One resource: the methods of its group, without the names that identify the resource. Its `id` is the ARM ID of the
 * resource, so you can pass a handle where a {@link ResourceId} is expected.
 *
 * @typeParam Group - The group of operations, without `at`.
 * @typeParam Names - Names that the methods of the group take first.
 */
export type Handle<Group, Names extends readonly string[]> = ResourceId & {
  // Methods that list the resources of a group do not take all names.
  readonly [
    Name in keyof Group as Group[Name] extends (...args: infer Args) => unknown
      ? Args extends [...Names, ...unknown[]]
        ? Name
        : never
      : never
  ]: Group[Name] extends (...args: infer Args) => infer Result
    ? Args extends [...Names, ...infer Others]
      ? (...args: Others) => Result
      : never
    : never;
};

/** Path of the resource, and the methods of its group that do not take all of its names. */
interface HandleOptions<Group, Names extends readonly string[]> {
  readonly path: string;
  readonly others: Readonly<Record<Exclude<keyof Group, keyof Handle<Group, Names>>, true>>;
}

/** Creates the handle of a resource. Names are checked when a method is called. */
export function createHandle<Group extends object, const Names extends readonly string[]>(
  context: ServiceContext,
  group: Group,
  names: Names,
  { path, others }: HandleOptions<Group, Names>,
): Handle<Group, Names> {
  const handle: Record<string, unknown> = { id: idOf(context, path, names) };
  for (const [name, method] of Object.entries(group) as [keyof Group & string, (...args: unknown[]) => unknown][]) {
    if (!(name in others)) handle[name] = (...args: unknown[]) => method(...names, ...args);
  }
  return handle as Handle<Group, Names>;
}
