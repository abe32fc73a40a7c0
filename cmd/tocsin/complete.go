package main

// This file completes in the shell what people write of a scenario: its name, its
// fields, the names of places, the choices.

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/broker/scenario"
)

// completer completes words of a command line. It writes nothing: what can't be read, such
// as a configuration, leaves only what comes with Tocsin, or nothing.
type completer = func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective)

// completesCompose completes the name of a scenario, and then its fields.
func (p *program) completesCompose(configFile *string) completer {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := optionalConfig(*configFile)
		if err != nil {
			c = nil
		}
		l, err := c.library()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 0 {
			return p.scenarioNames(l, func(s *scenario.Scenario) bool { return !s.Follows() }), cobra.ShellCompDirectiveNoFileComp
		}
		s, err := l.Open(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		name, value, given := strings.Cut(word, "=")
		if !given {
			return p.fieldNames(s, args[1:]), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		i := slices.IndexFunc(s.Fields, func(f scenario.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if f := &s.Fields[i]; f.Type != scenario.TypeArea {
			return valuesOf(f, p.lang), cobra.ShellCompDirectiveNoFileComp
		}
		atlas, err := c.atlas()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		// A comma and another name may follow.
		return placesAfter(atlas, name+"=", value, p.lang), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completesScenario completes the name of a scenario.
func (p *program) completesScenario(configFile *string) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := optionalConfig(*configFile)
		if err != nil {
			c = nil
		}
		l, err := c.library()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.scenarioNames(l, func(*scenario.Scenario) bool { return true }), cobra.ShellCompDirectiveNoFileComp
	}
}

func (p *program) scenarioNames(l scenario.Library, fits func(*scenario.Scenario) bool) (out []cobra.Completion) {
	names, err := l.Names()
	if err != nil {
		return nil
	}
	for _, name := range names {
		if s, err := l.Open(name); err == nil && fits(s) {
			out = append(out, cobra.CompletionWithDesc(name, s.Title[p.lang]))
		}
	}
	return out
}

// fieldNames returns the fields that were not given yet.
func (p *program) fieldNames(s *scenario.Scenario, given []string) (out []cobra.Completion) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if !slices.ContainsFunc(given, func(a string) bool { return strings.HasPrefix(a, f.Name+"=") }) {
			out = append(out, cobra.CompletionWithDesc(f.Name+"=", f.Label[p.lang]))
		}
	}
	return out
}

// valuesOf returns the choices of a field, or what it is unless something else is said.
func valuesOf(f *scenario.Field, lang string) (out []cobra.Completion) {
	for _, c := range f.Choices {
		out = append(out, cobra.CompletionWithDesc(f.Name+"="+c.Key, c.Words[lang]))
	}
	if len(out) == 0 && f.Default != "" {
		out = append(out, f.Name+"="+f.Default)
	}
	return out
}

// placesAfter completes the last name of a list of places. The letters that are there
// stay as they were written, since shells offer only what begins so.
func placesAfter(atlas *scenario.Atlas, before, list, lang string) (out []cobra.Completion) {
	last := list
	if i := strings.LastIndexAny(list, ",;"); i >= 0 {
		before, last = before+list[:i+1], list[i+1:]
		bare := strings.TrimLeft(last, " ")
		before, last = before+last[:len(last)-len(bare)], bare
	}
	for _, name := range atlas.Beginning(last, lang) {
		if len(name) >= len(last) && strings.EqualFold(name[:len(last)], last) {
			name = last + name[len(last):]
		}
		out = append(out, before+name)
	}
	return out
}
