# What a program tells whoever runs it, beside its output: a JSON document in /metadata.
require 'json'

METADATA_FILE = '/metadata/.quartermaster_metadata.json'.freeze

# set_metadata(data) stores data; set_metadata(key, value) adds to what is stored.
def set_metadata(*what)
  data = what.size > 1 ? (get_metadata || {}).merge(what[0].to_s => what[1]) : what[0]
  File.write(METADATA_FILE, JSON.generate(data))
end

# What was stored; nil where there is nothing.
def get_metadata
  JSON.parse(File.read(METADATA_FILE))
rescue SystemCallError, JSON::ParserError
  nil
end
