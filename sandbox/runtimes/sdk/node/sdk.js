// What a program tells whoever runs it, beside its output: a JSON document in /metadata.
'use strict';
const fs = require('fs');

const FILE = '/metadata/.quartermaster_metadata.json';

/** What was stored, or one entry of it; null and undefined where there is nothing. */
function getMetadata(key) {
  let data = null;
  try {
    data = JSON.parse(fs.readFileSync(FILE, 'utf8'));
  } catch {
    // nothing was stored yet
  }
  return key === undefined ? data : data?.[key];
}

/** setMetadata(data) stores data; setMetadata(key, value) adds to what is stored. */
function setMetadata(...what) {
  const data = what.length > 1 ? {...getMetadata(), [what[0]]: what[1]} : what[0];
  fs.writeFileSync(FILE, JSON.stringify(data));
}

module.exports = {setMetadata, getMetadata, set_metadata: setMetadata, get_metadata: getMetadata};
