import { fileURLToPath } from "node:url";
import ts from "typescript";
import { entries } from "../../tsup.config.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Something that users can name: an exported symbol, or a member of one. */
export interface PublicItem {
  /** Its name behind that of its entry and its owner, for example `index: Clusters.create`. */
  readonly name: string;
  /** What its comment says, tags included; empty when there is none. */
  readonly comment: string;
  /** Its type as the compiler prints it. */
  readonly type: string;
  /** Whether it may be left out. */
  readonly isOptional: boolean;
}

/** Every exported symbol of the entries that is made here, with its members down to those of nameless objects. */
export function publicItems(): PublicItem[] {
  const configFile = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(configFile.config, ts.sys, root);
  const paths = Object.entries(entries)
    .filter(([entry]) => !entry.startsWith("cli/"))
    .map(([entry, path]): [string, string] => [entry, `${root}${path}`]);
  const program = ts.createProgram(
    paths.map(([, path]) => path),
    options,
  );
  const checker = program.getTypeChecker();
  return paths.flatMap(([entry, path]) => {
    const source = program.getSourceFile(path);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`${path} exports nothing.`);
    return checker.getExportsOfModule(module).flatMap((symbol) => itemsOf(checker, entry, symbol));
  });
}

function itemsOf(checker: ts.TypeChecker, entry: string, exported: ts.Symbol): PublicItem[] {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const declarations = (symbol.declarations ?? []).filter((node) => node.getSourceFile().fileName.startsWith(`${root}src/`));
  return declarations.flatMap((node) => [
    itemOf(checker, `${entry}: ${exported.name}`, node),
    ...membersOf(checker, `${entry}: ${exported.name}`, node),
  ]);
}

function itemOf(checker: ts.TypeChecker, name: string, node: ts.Node): PublicItem {
  const comment = ts
    .getJSDocCommentsAndTags(node)
    .map((part) => part.getText())
    .join("\n");
  const isOptional = ts.isPropertySignature(node) && node.questionToken !== undefined;
  return { name, comment, type: typeOf(checker, node), isOptional };
}

function typeOf(checker: ts.TypeChecker, node: ts.Node): string {
  const signature = ts.isConstructorDeclaration(node) ? checker.getSignatureFromDeclaration(node) : undefined;
  if (signature) return checker.signatureToString(signature);
  return checker.typeToString(checker.getTypeAtLocation(node), node, ts.TypeFormatFlags.NoTruncation);
}

function membersOf(checker: ts.TypeChecker, owner: string, node: ts.Node): PublicItem[] {
  const members: PublicItem[] = [];
  const visit = (child: ts.Node, path: string): void => {
    if (ts.isBlock(child) || isHidden(child)) return;
    if (!isMember(child)) return ts.forEachChild(child, (grandchild) => visit(grandchild, path));
    const name = `${path}.${ts.isConstructorDeclaration(child) ? "constructor" : child.name.getText()}`;
    members.push(itemOf(checker, name, child));
    ts.forEachChild(child, (grandchild) => visit(grandchild, name));
  };
  ts.forEachChild(node, (child) => visit(child, owner));
  return members;
}

type Member =
  | ts.PropertySignature
  | ts.MethodSignature
  | ts.PropertyDeclaration
  | ts.MethodDeclaration
  | ts.AccessorDeclaration
  | ts.ConstructorDeclaration;

function isMember(node: ts.Node): node is Member {
  return (
    ts.isPropertySignature(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isConstructorDeclaration(node)
  );
}

function isHidden(node: ts.Node): boolean {
  if (ts.isClassStaticBlockDeclaration(node)) return true;
  if (!isMember(node)) return false;
  const isPrivate = ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
  return isPrivate !== 0 || (!ts.isConstructorDeclaration(node) && ts.isPrivateIdentifier(node.name));
}
