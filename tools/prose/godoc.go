package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// notImported are folders whose packages users do not import.
var notImported = map[string]bool{"internal": true, "testdata": true, "examples": true, "bench": true, "tools": true}

// readPackages reads the godoc of every package that users import, or run.
func readPackages(root string) ([]place, error) {
	var places []place
	err := filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); dir != root && (notImported[name] || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		p, err := readPackage(root, dir)
		if err != nil || p.texts == nil {
			return err
		}
		name, err := filepath.Rel(root, dir)
		p.name = filepath.ToSlash(name)
		places = append(places, p)
		return err
	})
	return places, err
}

// readPackage returns what go doc shows of the package in a folder; no texts if there is none.
func readPackage(root, dir string) (place, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return place{}, err
	}
	g := godocReader{fset: token.NewFileSet()}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parse(g.fset, root, name)
		if err != nil {
			return place{}, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return place{}, nil
	}
	g.packageDocs(files) // doc.NewFromFiles takes the comments from the files
	intro := len(g.texts)
	p, err := doc.NewFromFiles(g.fset, files, dir)
	if err != nil {
		return place{}, err
	}
	g.parser = p.Parser()
	g.everything(p)
	return place{texts: g.texts, intro: intro}, nil
}

// parse parses a file under its name as seen from the root.
func parse(fset *token.FileSet, root, name string) (*ast.File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	shown, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(fset, filepath.ToSlash(shown), source, parser.ParseComments)
}

type godocReader struct {
	fset   *token.FileSet
	parser *comment.Parser
	texts  []text
}

// packageDocs reads the comments on the package.
func (g *godocReader) packageDocs(files []*ast.File) {
	g.parser = new(comment.Parser)
	for _, file := range files {
		g.comments(file.Doc)
	}
}

// everything reads the comments on what the package exports.
func (g *godocReader) everything(p *doc.Package) {
	g.values(p.Consts)
	g.values(p.Vars)
	g.functions(p.Funcs)
	for _, t := range p.Types {
		g.declaration(t.Decl, t.Doc)
		g.values(t.Consts)
		g.values(t.Vars)
		g.functions(t.Funcs)
		g.functions(t.Methods)
	}
}

func (g *godocReader) values(values []*doc.Value) {
	for _, v := range values {
		g.declaration(v.Decl, v.Doc)
	}
}

func (g *godocReader) functions(functions []*doc.Func) {
	for _, f := range functions {
		if f.Level == 0 { // not promoted from an embedded type
			g.doc(f.Decl.Pos(), f.Doc)
		}
	}
}

// declaration reads a comment, and those inside the declaration: on fields, on methods
// of an interface and on the names of a group. go/doc has removed what is not exported.
func (g *godocReader) declaration(d *ast.GenDecl, docText string) {
	g.doc(d.Pos(), docText)
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			g.comments(n.Doc, n.Comment)
		case *ast.ValueSpec:
			g.comments(n.Doc, n.Comment)
		}
		return true
	})
}

func (g *godocReader) comments(groups ...*ast.CommentGroup) {
	for _, group := range groups {
		if group != nil {
			g.doc(group.Pos(), group.Text())
		}
	}
}

// doc splits a comment into its texts.
func (g *godocReader) doc(pos token.Pos, docText string) {
	at := g.fset.Position(pos)
	g.blocks(fmt.Sprintf("%s:%d", at.Filename, at.Line), g.parser.Parse(docText).Content)
}

func (g *godocReader) blocks(at string, blocks []comment.Block) {
	for _, block := range blocks {
		switch block := block.(type) {
		case *comment.Heading:
			g.text(at, block.Text)
		case *comment.Paragraph:
			g.text(at, block.Text)
		case *comment.List:
			for _, item := range block.Items {
				g.blocks(at, item.Content)
			}
		}
	}
}

func (g *godocReader) text(at string, parts []comment.Text) {
	g.texts = append(g.texts, text{at, strings.Join(strings.Fields(plain(parts)), " ")})
}

// docLink is a name of the code that the parser does not know, as of another package.
var docLink = regexp.MustCompile(`\[\*?[\w.]+\]`)

// plain is text without links. Names of the code are one word, which words.txt does not have.
func plain(parts []comment.Text) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case comment.Plain:
			b.WriteString(docLink.ReplaceAllString(string(part), "Code"))
		case comment.Italic:
			b.WriteString(string(part))
		case *comment.Link:
			b.WriteString(plain(part.Text))
		case *comment.DocLink:
			b.WriteString("Code")
		}
	}
	return b.String()
}
