// Prints one JSON line for each finished test; test_javascript.py reads them.
export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const error = data.details?.error;
      const cause = error?.cause ?? error;
      const report = { name: data.name, ok: type === "test:pass", error: String(cause?.stack ?? cause ?? "") };
      yield JSON.stringify(report) + "\n";
    }
  }
}
