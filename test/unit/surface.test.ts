// What another program can rely on: every exported name of the library, and what each argument is called and must be given.
import * as path from "path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const ENTRY = path.join(__dirname, "..", "..", "components", "index.ts");
const options = {
    strict: true,
    skipLibCheck: true,
    esModuleInterop: true,
    target: ts.ScriptTarget.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Node10,
};
const program = ts.createProgram([ENTRY], { ...options, module: ts.ModuleKind.CommonJS });
const checker = program.getTypeChecker();

const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(ENTRY)!)!)
    .map((symbol) => ({
        name: symbol.name,
        symbol: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    }));

const documented = (symbol: ts.Symbol): boolean =>
    ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== "" || symbol.getJsDocTags().length > 0;

/** `name?: type` of each property, our own ones only. */
function shape(symbol: ts.Symbol): string[] {
    if (!(symbol.flags & ts.SymbolFlags.Interface))
        return [checker.typeToString(checker.getTypeOfSymbol(symbol), undefined, ts.TypeFormatFlags.NoTruncation)];
    const properties = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
    return properties.map((property) => {
        const optional = property.flags & ts.SymbolFlags.Optional ? "?" : "";
        return `${property.name}${optional}: ${checker.typeToString(checker.getTypeOfSymbol(property), undefined, ts.TypeFormatFlags.NoTruncation)}`;
    });
}

describe("the library's surface", () => {
    it("changes only on purpose", () => {
        const surface = exported
            .map(({ name, symbol }) => [name, shape(symbol)] as const)
            .sort(([a], [b]) => a.localeCompare(b));
        expect(Object.fromEntries(surface)).toMatchSnapshot();
    });

    it("explains every argument", () => {
        const silent = exported.flatMap(({ name, symbol }) => {
            if (!(symbol.flags & ts.SymbolFlags.Interface)) return documented(symbol) ? [] : [name];
            const properties = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
            return properties.filter((property) => !documented(property)).map((property) => `${name}.${property.name}`);
        });
        expect(silent).toEqual([]);
    });
});
