/** The form that the JSON of a response has. */
export interface Shape<T> {
  /** For people, for example `a list of containers`. */
  readonly name: string;
  readonly fits: (value: unknown) => value is T;
}

/** Reports that a response has not the form that it should have. */
export class OddResponse extends Error {
  override readonly name = "OddResponse";

  /** @param expected - Name of a {@link Shape}. */
  constructor(expected: string) {
    super(`its response is not ${expected}`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): boolean => isFields(value) && Object.values(value).every(isText);
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isAbsentOr = (value: unknown, test: (value: unknown) => boolean): boolean =>
  (value ?? undefined) === undefined || test(value);

/** Returns a shape of objects whose fields pass a test. */
export function shapeOf<T>(name: string, fieldsFit: (fields: Fields) => boolean): Shape<T> {
  return { name, fits: (value): value is T => isFields(value) && fieldsFit(value) };
}

/** Returns a shape of lists of objects whose fields pass a test. */
export function listOf<T>(name: string, fieldsFit: (fields: Fields) => boolean): Shape<T[]> {
  return {
    name,
    fits: (value): value is T[] => Array.isArray(value) && value.every((each) => isFields(each) && fieldsFit(each)),
  };
}

/** Tests of the fields that the service reads. */
export const fits = {
  id: ({ Id }: Fields): boolean => isText(Id) && Id !== "",
  version: ({ Version, ApiVersion, MinAPIVersion, Components }: Fields): boolean =>
    [Version, ApiVersion].every(isText) &&
    isAbsentOr(MinAPIVersion, isText) &&
    isAbsentOr(Components, (list) => Array.isArray(list) && list.every((each) => isFields(each) && isText(each.Name))),
  info: ({ SecurityOptions }: Fields): boolean => isAbsentOr(SecurityOptions, isTextList),
  image: ({ Config }: Fields): boolean => {
    return isAbsentOr(Config, (config) => isFields(config) && isAbsentOr(config.Env, isTextList));
  },
  listed: ({ Id, State, Labels }: Fields): boolean => isText(Id) && isText(State) && isTexts(Labels),
  inspected: ({ Id, State, Config, HostConfig }: Fields): boolean =>
    isText(Id) &&
    isFields(State) &&
    [State.Status, State.StartedAt].every(isText) &&
    isFields(Config) &&
    isAbsentOr(Config.Labels, isTexts) &&
    isFields(HostConfig),
};

/** Shape of the response to a request that creates something. */
export const idShape = shapeOf<{ readonly Id: string }>("an ID", fits.id);
