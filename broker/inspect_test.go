package broker_test

// This file reads the tree for house_test.go.

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// inspect returns what in the tree breaks the rules of the house, in the order
// of the tree. Its error is about the reading, not about the house.
func inspect(root fs.FS) ([]string, error) {
	in := &inspector{documented: map[string]bool{}}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a file that an editor took away meanwhile
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		in.file(name, text)
		return nil
	})
	for _, dir := range slices.Sorted(maps.Keys(in.documented)) {
		if !in.documented[dir] {
			in.report("%s says nothing of what it is for: start a package comment with \"Package\" or \"Command\" and its name", dir)
		}
		if !planned(dir) {
			in.report("%s is not in the plan of the house: give it a line in broker/house_test.go first", dir)
		}
	}
	return in.breaches, err
}

// inspector gathers what inspect finds.
type inspector struct {
	breaches []string
	// documented has every folder with code, and whether it says what it is for.
	documented map[string]bool
}

func (in *inspector) report(format string, args ...any) {
	in.breaches = append(in.breaches, fmt.Sprintf(format, args...))
}

// file checks one Go file, whose name is relative to the root of the module.
func (in *inspector) file(name string, text []byte) {
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		in.report("%v", err)
		return
	}
	imports := in.imports(name, f)
	if strings.HasSuffix(name, "_test.go") {
		in.tests(name, f, imports)
		return
	}
	dir := path.Dir(name)
	doc := f.Doc.Text()
	in.documented[dir] = in.documented[dir] ||
		strings.HasPrefix(doc, "Package "+f.Name.Name+" ") || strings.HasPrefix(doc, "Command "+path.Base(dir)+" ")
	for _, imp := range imports {
		in.walls(name, imp)
	}
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if ok && fn.Recv == nil && fn.Name.Name == "init" {
			in.report("%s has a func init: wire it in cmd, in plain code", name)
		}
		inMain := ok && fn.Recv == nil && fn.Name.Name == "main" && f.Name.Name == "main"
		in.calls(name, decl, imports, inMain)
	}
}

// imports returns the paths that f imports by the names that it calls them.
func (in *inspector) imports(name string, f *ast.File) map[string]string {
	imports := map[string]string{}
	for i, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			in.report("%s: import %s: %v", name, spec.Path.Value, err)
			continue
		}
		local := path.Base(imp)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		switch local {
		case ".":
			in.report("%s imports %s with a dot: a reader can't tell whose names those are", name, imp)
		case "_":
			local = "_" + strconv.Itoa(i) // more than one may be blank
		}
		imports[local] = imp
	}
	return imports
}

// walls checks one import of a file that isn't a test.
func (in *inspector) walls(name, imp string) {
	dir := path.Dir(name)
	part := partOf(dir)
	may := house()[part]
	if rel, ok := strings.CutPrefix(imp, module+"/"); ok {
		to := partOf(rel)
		if to != part && !slices.Contains(may, to) && !slices.Contains(may, everything) {
			in.report("%s imports %s: %q may not import %q", name, rel, part, to)
		}
		if isFake(rel) && !isFake(dir) && part != "adapters/simulator" && part != "cmd" {
			in.report("%s imports %s: what runs may not lean on a fake", name, rel)
		}
		return
	}
	for prefix, only := range outside() {
		switch {
		case !strings.HasPrefix(imp, prefix) || slices.Contains(only, part):
		case len(only) == 0:
			in.report("%s imports %s: only tests may", name, imp)
		default:
			in.report("%s imports %s: only %v may", name, imp, only)
		}
	}
}

// calls looks below n for calls that the house forbids outside tests.
func (in *inspector) calls(name string, n ast.Node, imports map[string]string, inMain bool) {
	inCmd := partOf(path.Dir(name)) == "cmd"
	for at := range ast.Preorder(n) {
		called := calledBy(at, imports)
		switch {
		case strings.HasPrefix(called, "fmt.Print") && !inCmd:
			in.report("%s calls %s: only a command writes to standard output", name, called)
		case called == "os.Getenv" && !inMain, called == "os.LookupEnv":
			in.report("%s calls %s: only func main of a command asks the environment, and hands it on", name, called)
		case called == "os.Exit" && !inMain:
			in.report("%s calls %s: only func main of a command ends the process", name, called)
		case strings.HasPrefix(called, "log.Fatal"), strings.HasPrefix(called, "log.Panic"):
			in.report("%s calls %s: return an error", name, called)
		case called == "time.Sleep":
			in.report("%s calls %s: wait on a timer and on ctx.Done", name, called)
		case namedBy(at, imports) == "time.Local":
			in.report("%s names time.Local: people read times in the zone of the service, not of a machine", name)
		}
	}
}

// tests checks a test file: each test runs in parallel with the others, unless
// it changes or measures what belongs to the whole process, and none waits on
// the clock of the machine.
func (in *inspector) tests(name string, f *ast.File, imports map[string]string) {
	bubble := slices.Contains(slices.Collect(maps.Values(imports)), "testing/synctest")
	for _, decl := range f.Decls {
		for at := range ast.Preorder(decl) {
			if (calledBy(at, imports) == "time.Sleep" || waitsOut(at, imports)) && !bubble {
				in.report("%s sleeps outside testing/synctest", name)
			}
		}
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") || fn.Name.Name == "TestMain" {
			continue
		}
		if t := parameter(fn); t != "" && !startsParallel(fn, t) && !mustBeSerial(fn, t, imports) {
			in.report("%s: %s does not call %s.Parallel() first", name, fn.Name.Name, t)
		}
	}
}

// waitsOut reports whether a statement receives from time.After or time.Tick and nothing
// else can end the wait: in a select with another case it is a limit.
func waitsOut(n ast.Node, imports map[string]string) bool {
	var comms []ast.Stmt
	switch n := n.(type) {
	case *ast.BlockStmt:
		comms = n.List
	case *ast.CaseClause:
		comms = n.Body
	case *ast.CommClause:
		comms = n.Body
	case *ast.SelectStmt:
		if len(n.Body.List) == 1 {
			if only, ok := n.Body.List[0].(*ast.CommClause); ok && only.Comm != nil {
				comms = []ast.Stmt{only.Comm}
			}
		}
	}
	return slices.ContainsFunc(comms, func(s ast.Stmt) bool { return receivesTime(s, imports) })
}

// receivesTime reports whether a simple statement receives from a clock's channel.
func receivesTime(s ast.Stmt, imports map[string]string) bool {
	var from ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		from = s.X
	case *ast.AssignStmt:
		from = s.Rhs[0]
	default:
		return false
	}
	u, ok := from.(*ast.UnaryExpr)
	if !ok || u.Op != token.ARROW {
		return false
	}
	called := calledBy(u.X, imports)
	return called == "time.After" || called == "time.Tick"
}

// parameter returns the name of the only parameter of fn, or "" where fn has
// none or more and so can't be a test.
func parameter(fn *ast.FuncDecl) string {
	params := fn.Type.Params.List
	if len(params) != 1 || len(params[0].Names) != 1 {
		return ""
	}
	return params[0].Names[0].Name
}

// startsParallel reports whether the first statement of fn is t.Parallel().
func startsParallel(fn *ast.FuncDecl, t string) bool {
	if fn.Body == nil || len(fn.Body.List) == 0 {
		return false
	}
	stmt, ok := fn.Body.List[0].(*ast.ExprStmt)
	return ok && calledBy(stmt.X, map[string]string{t: t}) == t+".Parallel"
}

// mustBeSerial reports whether fn calls what the testing package or its subject
// forbids beside other tests.
func mustBeSerial(fn *ast.FuncDecl, t string, imports map[string]string) bool {
	names := maps.Clone(imports)
	names[t] = "T"
	serial := []string{"T.Setenv", "T.Chdir", "testing.AllocsPerRun", "go.uber.org/goleak.VerifyNone"}
	for at := range ast.Preorder(fn) {
		if slices.Contains(serial, calledBy(at, names)) {
			return true
		}
	}
	return false
}

// calledBy returns what n calls as "path/of/package.Function", or "" where n is
// no call of a function of an imported package.
func calledBy(n ast.Node, imports map[string]string) string {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return ""
	}
	return namedBy(call.Fun, imports)
}

// namedBy returns what a node names of another package, as path and name, or "".
func namedBy(n ast.Node, imports map[string]string) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok || imports[pkg.Name] == "" {
		return ""
	}
	return imports[pkg.Name] + "." + sel.Sel.Name
}

// isFake reports whether dir is a kit for tests, by its name.
func isFake(dir string) bool { return strings.HasSuffix(dir, "test") }

// planned reports whether dir is a part of the house, or lies in one that the
// plan does not divide further.
func planned(dir string) bool {
	part := partOf(dir)
	if part == dir || part == "" {
		return part == dir
	}
	for other := range house() {
		if strings.HasPrefix(other, part+"/") {
			return false
		}
	}
	return true
}

// partOf returns the longest key of house that is dir or lies above it, or "".
func partOf(dir string) string {
	parts := house()
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := parts[dir]; ok {
			return dir
		}
	}
	return ""
}
