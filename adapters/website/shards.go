package website

import (
	"hash/maphash"
	"iter"
	"maps"
)

// shardCount is how many parts a shards has: with tens of thousands of entries a
// change copies some tens of them.
const shardCount = 1 << shardBits

const shardBits = 8

// A shards is a map that never changes: with returns another one, which shares
// with it all but a small part.
type shards[V any] struct {
	seed  maphash.Seed
	parts [shardCount]map[string]V
	size  int
}

func newShards[V any]() *shards[V] { return &shards[V]{seed: maphash.MakeSeed()} }

func (m *shards[V]) part(key string) int {
	return int(maphash.String(m.seed, key) >> (64 - shardBits))
}

// get returns the value of key, or the zero value.
func (m *shards[V]) get(key string) V { return m.parts[m.part(key)][key] }

// with returns a map that holds value under key as well.
func (m *shards[V]) with(key string, value V) *shards[V] {
	next := *m
	i := m.part(key)
	part := maps.Clone(m.parts[i])
	if part == nil {
		part = map[string]V{}
	}
	if _, ok := part[key]; !ok {
		next.size++
	}
	part[key] = value
	next.parts[i] = part
	return &next
}

// without returns a map that holds nothing under key.
func (m *shards[V]) without(key string) *shards[V] {
	i := m.part(key)
	if _, ok := m.parts[i][key]; !ok {
		return m
	}
	next := *m
	next.parts[i] = maps.Clone(m.parts[i])
	delete(next.parts[i], key)
	next.size--
	return &next
}

// all returns the entries in no order.
func (m *shards[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, part := range m.parts {
			for k, v := range part {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}
