import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * The words of the open enumerations of `@azure/arm-batchai`, by property (`Job.toolType`). Its mappers take those for
 * any text; only its typings know them.
 */
export function officialEnumerations(): ReadonlyMap<string, readonly string[]> {
  const entry = fileURLToPath(import.meta.resolve("@azure/arm-batchai"));
  const typings = join(dirname(entry), "..", "esm", "models", "index.d.ts");
  const source = ts.createSourceFile(typings, readFileSync(typings, "utf8"), ts.ScriptTarget.Latest);
  const words = new Map(
    source.statements.filter(ts.isTypeAliasDeclaration).map(({ name, type }) => [name.text, wordsOf(type)]),
  );
  const found = new Map<string, readonly string[]>();
  for (const { name, members } of source.statements.filter(ts.isInterfaceDeclaration)) {
    for (const member of members.filter(ts.isPropertySignature)) {
      if (!member.type || !ts.isTypeReferenceNode(member.type) || !ts.isIdentifier(member.type.typeName)) continue;
      const values = words.get(member.type.typeName.text) ?? [];
      if (values.length > 0) found.set(`${name.text}.${member.name.getText(source)}`, values);
    }
  }
  return found;
}

function wordsOf(type: ts.TypeNode): string[] {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap(wordsOf);
  return ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? [type.literal.text] : [];
}
