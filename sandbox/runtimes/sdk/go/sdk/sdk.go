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
	data := map[string]any{}
	if err := GetMetadata(&data); err != nil || data == nil {
		data = map[string]any{}
	}
	data[key] = value
	return SetMetadata(data)
}

// GetMetadata reads what was stored into dest, which stays as it is where there is nothing.
func GetMetadata(dest any) error {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, dest)
}
