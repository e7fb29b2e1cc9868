// Package sdk stores what a program tells whoever runs it, beside its output: a JSON document in /metadata.
package sdk

import (
	"encoding/json"
	"os"
)

const file = "/metadata/.quartermaster_metadata.json"

// SetMetadata stores anything that encoding/json can encode.
func SetMetadata(data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// Set adds one entry to what is stored.
func Set(key string, value any) error {
	data := GetMetadata()
	data[key] = value
	return SetMetadata(data)
}

// GetMetadata returns what was stored; an empty map where there is nothing, or no object.
func GetMetadata() map[string]any {
	data := map[string]any{}
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &data) == nil && data != nil {
		return data
	}
	return map[string]any{}
}
