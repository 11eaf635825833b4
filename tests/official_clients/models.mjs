// The models of a client, from its TypeScript declarations.

/// The members of each interface, each with its type and whether it may be missing.
export function models(declarations) {
  const found = new Map();
  for (const [, name, body] of declarations.matchAll(/export interface (\w+) \{\s*\n([\s\S]*?)\n\s*\}/g)) {
    const members = [...body.matchAll(/^\s*"?(\w+)"?(\??): (.+);$/gm)];
    found.set(name, new Map(members.map(([, member, optional, type]) => [member, { type, isOptional: optional === "?" }])));
  }
  return found;
}

/// The model of a method's answer.
export function answerOf(declarations, method) {
  const found = declarations.match(new RegExp(`\\b${method}\\([^;]*?(?:\\{[^}]*\\}[^;]*?)?\\): Promise<(.+)>;`));
  if (!found) throw new Error(`there is no ${method}`);
  return found[1];
}

/// The members of a value that its model lacks, and those of the model that it lacks.
export function differences(known, value, type, path = "") {
  const element = type.match(/^Array<(.+)>$/)?.[1] ?? type.match(/^(.+)\[\]$/)?.[1];
  if (element) return value.flatMap((one, index) => differences(known, one, element, `${path}/${index}`));
  const members = known.get(type.replace(/^Models\./, ""));
  if (!members) return [];
  const unknown = Object.entries(value).flatMap(([name, one]) =>
    members.has(name) ? differences(known, one, members.get(name).type, `${path}/${name}`) : [`unknown: ${path}/${name}`],
  );
  const required = [...members].filter(([, { isOptional }]) => !isOptional).map(([name]) => name);
  return [...unknown, ...required.filter((name) => !(name in value)).map((name) => `missing: ${path}/${name}`)];
}
