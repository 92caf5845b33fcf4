/** A manifest without pipelines, to fill in. */
export function starterManifest(project: string): string {
  return `# Written by \`hakiri init\`. \`hakiri schema\` prints what may stand here; \`hakiri init --list\` lists recipes.
[project]
name = ${JSON.stringify(project)}

# A pipeline reads from one source into one or more tables. Remove the leading # to use one of these.

# [[pipeline]]
# id = "events"
# source = { connector = "file", config = { path = "events/*.ndjson" } }    # also json, csv, parquet
#
#   [[pipeline.tables]]
#   source = "events"
#   primary_key = ["id"]

# [[pipeline]]
# id = "github-issues"
# source = { connector = "github", config = { repo = "owner/name" } }
# secrets = ["GITHUB_TOKEN"]        # the name only; the value comes from the environment
# incremental = "updated_at"
# tables = ["issues"]
`;
}
