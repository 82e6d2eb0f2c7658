// Provisions one mailbox, in C++: provision CONFIG.json REQUEST.json
#include <magicmail.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

// Whatever the library hands over goes back to it.
struct Free {
    void operator()(mm_export *handle) const { mm_export_free(handle); }
    void operator()(char *reply) const { mm_string_free(reply); }
};
using Handle = std::unique_ptr<mm_export, Free>;
using Reply = std::unique_ptr<char, Free>;

std::string read_file(const char *path)
{
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error(std::string(path) + ": cannot be read");
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::string provision(const mm_export *handle, const std::string &request)
{
    char *text = nullptr;
    const int32_t status = mm_provision(handle, request.c_str(), &text);
    const Reply reply(text);
    if (status != MM_OK)
        throw std::runtime_error(mm_last_error());
    return reply.get();
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " CONFIG.json REQUEST.json\n";
        return 64;
    }
    const Handle handle(mm_export_new(read_file(argv[1]).c_str()));
    if (!handle)
        throw std::runtime_error(mm_last_error());
    std::cout << provision(handle.get(), read_file(argv[2])) << "\n";
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
}
